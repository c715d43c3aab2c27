"""Files that people wrote, read into events and campaigns, with every problem."""
