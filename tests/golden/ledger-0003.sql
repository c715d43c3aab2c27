CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
CREATE TABLE audience_size (
	audience TEXT NOT NULL, 
	size INTEGER NOT NULL, 
	CONSTRAINT audience_size_pk PRIMARY KEY (audience)
);
CREATE TABLE campaign_seen (
	campaign TEXT NOT NULL, 
	first_seen DATETIME NOT NULL, 
	CONSTRAINT campaign_seen_pk PRIMARY KEY (campaign)
);
CREATE TABLE content (
	id INTEGER NOT NULL, 
	part INTEGER NOT NULL, 
	audience TEXT NOT NULL, 
	language TEXT NOT NULL, 
	address TEXT, 
	rendered TEXT, 
	payload TEXT, 
	CONSTRAINT content_pk PRIMARY KEY (id), 
	CONSTRAINT content_part_part FOREIGN KEY(part) REFERENCES part (id)
);
CREATE TABLE decision (
	edition TEXT NOT NULL, 
	decision TEXT NOT NULL, 
	decided_at DATETIME NOT NULL, reason TEXT DEFAULT '' NOT NULL, 
	CONSTRAINT decision_pk PRIMARY KEY (edition)
);
CREATE TABLE delivery (
	id INTEGER NOT NULL, 
	part INTEGER NOT NULL, 
	address TEXT NOT NULL, 
	recipient TEXT NOT NULL, 
	name TEXT NOT NULL, 
	language TEXT NOT NULL, 
	fields TEXT NOT NULL, 
	content INTEGER NOT NULL, 
	state TEXT NOT NULL, 
	next_try DATETIME, 
	attempts INTEGER DEFAULT '0' NOT NULL, 
	doubts INTEGER DEFAULT '0' NOT NULL, 
	code TEXT DEFAULT '' NOT NULL, 
	reply TEXT DEFAULT '' NOT NULL, 
	message_id TEXT DEFAULT '' NOT NULL, 
	at DATETIME NOT NULL, 
	CONSTRAINT delivery_pk PRIMARY KEY (id), 
	CONSTRAINT delivery_part_address UNIQUE (part, address), 
	CONSTRAINT delivery_part_part FOREIGN KEY(part) REFERENCES part (id), 
	CONSTRAINT delivery_content_content FOREIGN KEY(content) REFERENCES content (id)
);
CREATE INDEX delivery_address ON delivery (address);
CREATE INDEX delivery_busy ON delivery (part) WHERE state IN ('leased', 'in_flight');
CREATE INDEX delivery_waiting ON delivery (part, next_try) WHERE next_try IS NOT NULL AND state IN ('planned', 'deferred', 'uncertain');
CREATE TABLE edition (
	id TEXT NOT NULL, 
	campaign TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	due DATETIME NOT NULL, 
	deadline DATETIME, 
	frozen_at DATETIME NOT NULL, 
	CONSTRAINT edition_pk PRIMARY KEY (id)
);
CREATE TABLE event_good (
	event TEXT NOT NULL, 
	good TEXT NOT NULL, 
	CONSTRAINT event_good_pk PRIMARY KEY (event)
);
CREATE TABLE event_seen (
	event TEXT NOT NULL, 
	first_seen DATETIME NOT NULL, source TEXT, path TEXT, facts TEXT, starts_at DATETIME, changed_at DATETIME, missing INTEGER DEFAULT '0' NOT NULL, 
	CONSTRAINT event_seen_pk PRIMARY KEY (event)
);
CREATE TABLE meta (
	"key" TEXT NOT NULL, 
	value TEXT NOT NULL, 
	CONSTRAINT meta_pk PRIMARY KEY ("key")
);
CREATE TABLE part (
	id INTEGER NOT NULL, 
	edition TEXT NOT NULL, 
	channel TEXT NOT NULL, 
	recipients INTEGER NOT NULL, 
	open BOOLEAN NOT NULL, first INTEGER, last INTEGER, closings INTEGER DEFAULT '0' NOT NULL, 
	CONSTRAINT part_pk PRIMARY KEY (id), 
	CONSTRAINT part_edition_channel UNIQUE (edition, channel), 
	CONSTRAINT part_edition_edition FOREIGN KEY(edition) REFERENCES edition (id)
);
CREATE INDEX part_open ON part (channel) WHERE open = 1;
CREATE TABLE spent (
	channel TEXT NOT NULL, 
	at DATETIME NOT NULL, 
	lane TEXT NOT NULL, 
	count INTEGER NOT NULL, 
	CONSTRAINT spent_pk PRIMARY KEY (channel, at, lane)
);
CREATE TABLE suppression (
	address TEXT NOT NULL, 
	audience TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	since DATETIME NOT NULL, 
	CONSTRAINT suppression_pk PRIMARY KEY (address, audience)
);
CREATE TABLE told (
	edition TEXT NOT NULL, 
	event TEXT NOT NULL, 
	position INTEGER NOT NULL, 
	facts TEXT NOT NULL, 
	CONSTRAINT told_pk PRIMARY KEY (edition, event), 
	CONSTRAINT told_edition_edition FOREIGN KEY(edition) REFERENCES edition (id)
);
CREATE INDEX told_event ON told (event);
