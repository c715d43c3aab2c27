from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tambour.config import SmtpChannel, load_config, parse_duration
from tambour.errors import ConfigError, Exit
from tambour.model import Rate

GOOD = """\
version: 1
site: {name: Agenda, url: https://www.example.org/, timezone: Europe/Paris, language: fr}
sources:
  - {id: agenda, path: events}
channels:
  lettre:
    type: smtp
    host: "${SMTP_HOST:-localhost}"
    password: "${SMTP_PASSWORD}"
    from: "Agenda <lettre@example.org>"
    rate: 10/s
"""


def project(folder: Path, text: str, **others: str) -> Path:
    """Write a project's settings; other files by `config_<env>`."""
    (folder / "config.yaml").write_text(text, encoding="utf-8")
    for name, content in others.items():
        file = name.replace("config_", "config.") + ".yaml"
        (folder / file).write_text(content, encoding="utf-8")
    return folder


def failures(folder: Path, **environ: str) -> list[tuple[int, str, str]]:
    """Return (line, code, message) of each problem found in the settings."""
    with pytest.raises(ConfigError) as caught:
        load_config(folder, environ=environ)
    return [(p.line, p.code, p.message) for p in caught.value.problems]


def test_reads_types_and_defaults(tmp_path: Path) -> None:
    """Values get their types, and what is left out its default."""
    config = load_config(project(tmp_path, GOOD), environ={"SMTP_PASSWORD": "0123"})

    lettre = config.channels["lettre"]
    assert lettre.type == "smtp"
    assert ("localhost", 587, "starttls") == (lettre.host, lettre.port, lettre.security)
    assert lettre.password is not None
    assert lettre.password.get_secret_value() == "0123"
    assert lettre.rate == (Rate(10, timedelta(seconds=1)),)
    assert config.site.url == "https://www.example.org"
    assert config.limits().margin == timedelta(minutes=10)
    assert config.ledger == "sqlite:///var/tambour.db"


def test_reports_everything_at_once_each_at_its_line(tmp_path: Path) -> None:
    """Five faults in one file are five problems, with lines and suggestions."""
    text = """\
version: 1
site: {name: Agenda, url: example.org, timezone: Europe/Pari}
chanels: {}
channels:
  lettre: {type: smtp, host: h, port: high, from: a@example.org, pasword: x}
  equipe: {type: webhook}
"""

    found = failures(project(tmp_path, text))

    assert {(2, "E104"), (3, "E103"), (5, "E104"), (5, "E103"), (6, "E105")} == {
        (line, code) for line, code, _ in found
    }


def test_suggests_the_name_that_was_meant(tmp_path: Path) -> None:
    """An unknown key gets the closest known one as help."""
    with pytest.raises(ConfigError) as caught:
        load_config(project(tmp_path, GOOD.replace("rate:", "rtae:")), environ={})

    helps = {p.message: p.help for p in caught.value.problems}
    assert helps["unknown setting channels.lettre.rtae"].startswith(
        "did you mean rate?"
    )


def test_an_unset_variable_is_named_at_its_line(tmp_path: Path) -> None:
    """A variable without value or default is a problem where it is used."""
    found = failures(project(tmp_path, GOOD))

    assert found == [(9, "E106", "SMTP_PASSWORD is not set")]


def test_a_secret_may_live_in_a_file(tmp_path: Path) -> None:
    """`SMTP_PASSWORD_FILE` names the file that holds SMTP_PASSWORD."""
    (tmp_path / "password").write_text("s3cret\n", encoding="utf-8")

    config = load_config(
        project(tmp_path, GOOD),
        environ={"SMTP_PASSWORD_FILE": str(tmp_path / "password")},
    )

    lettre = config.channels["lettre"]
    assert lettre.type == "smtp"
    assert lettre.password is not None
    assert lettre.password.get_secret_value() == "s3cret"


def test_a_secret_never_shows(tmp_path: Path) -> None:
    """Neither the settings' repr nor a problem contains a password."""
    config = load_config(project(tmp_path, GOOD), environ={"SMTP_PASSWORD": "s3cret"})
    broken = project(tmp_path, GOOD.replace("rate: 10/s", "rate: fast"))
    with pytest.raises(ConfigError) as caught:
        load_config(broken, environ={"SMTP_PASSWORD": "s3cret"})

    assert "s3cret" not in repr(config)
    assert "s3cret" not in repr(caught.value.problems)


def test_an_environment_file_is_merged_over(tmp_path: Path) -> None:
    """`--env production` changes what it names and leaves the rest."""
    over = "channels: {lettre: {port: 465, security: tls}}\n"
    folder = project(tmp_path, GOOD, config_production=over)

    config = load_config(folder, env="production", environ={"SMTP_PASSWORD": "x"})

    lettre = config.channels["lettre"]
    assert lettre.type == "smtp"
    assert (lettre.port, lettre.security, lettre.host) == (465, "tls", "localhost")


def test_another_type_replaces_the_channel(tmp_path: Path) -> None:
    """A channel that changes its type keeps none of the old type's settings."""
    over = "channels: {lettre: {type: outbox}}\n"

    config = load_config(
        project(tmp_path, GOOD, config_dry=over), env="dry", environ={}
    )

    assert config.channels["lettre"].type == "outbox"


def test_a_variable_sets_any_key(tmp_path: Path) -> None:
    """TAMBOUR_A__B__C sets a.b.c over the file."""
    environ = {"SMTP_PASSWORD": "x", "TAMBOUR_CHANNELS__LETTRE__HOST": "mail.test"}

    lettre = load_config(project(tmp_path, GOOD), environ=environ).channels["lettre"]

    assert lettre.type == "smtp"
    assert lettre.host == "mail.test"


@pytest.mark.parametrize(
    ("text", "line", "code"),
    [
        pytest.param("a: [1", 1, "E102", id="broken-yaml"),
        pytest.param("a: 1\n- b\n", 2, "E102", id="mixed-yaml"),
        pytest.param("just words", 1, "E102", id="no-keys"),
        pytest.param("version: 1\nversion: 1\n", 2, "E107", id="twice"),
        pytest.param("version: 2\n", 1, "E104", id="version"),
    ],
)
def test_text_that_is_no_settings(
    tmp_path: Path, text: str, line: int, code: str
) -> None:
    """What cannot be settings at all is one problem at its line."""
    assert (line, code) in {(n, c) for n, c, _ in failures(project(tmp_path, text))}


def test_a_missing_file_points_to_init(tmp_path: Path) -> None:
    """An empty folder is a configuration error that says how to begin."""
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path, environ={})

    assert caught.value.exit_code == Exit.CONFIGURATION
    assert "tambour init" in caught.value.problems[0].help


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("10m", 600), ("2h", 7200), ("14d", 1209600), ("1w", 604800)],
)
def test_durations(text: str, seconds: int) -> None:
    """A number and a letter make a duration."""
    assert timedelta(seconds=seconds) == parse_duration(text)


@pytest.mark.parametrize("text", ["", "10", "m", "-1h", "1.5h", "10 minutes", "1y"])
def test_what_is_no_duration(text: str) -> None:
    """Anything else is refused with an example."""
    with pytest.raises(ValueError, match="10m"):
        parse_duration(text)


@pytest.mark.parametrize("key", ["root", "secret"])
def test_what_no_file_may_set_is_unknown(tmp_path: Path, key: str) -> None:
    """The folder and the ledger's secret are not settings."""
    found = failures(project(tmp_path, f"{GOOD}{key}: x\n"), SMTP_PASSWORD="x")

    assert found == [(12, "E103", f"unknown setting {key}")]


POOL = """\
version: 1
site: {name: Agenda, url: https://www.example.org}
channels:
  lettre:
    type: smtp
    from: a@example.org
    port: 465
    security: tls
    username: lettre
    password: hidden
    servers: [{host: one.example.org, weight: 3}, {host: two.example.org, port: 587, security: starttls}]
    rate: [10/s, 2000/d]
    warm_up: {since: 2026-12-01, first_day: 200}
    domains: [orange, {of: [free.fr], rate: 5/s}]
    dkim: {domain: example.org, selector: s1, key: keys/s1.pem}
"""


def smtp(folder: Path, text: str) -> SmtpChannel:
    """Return the channel `lettre` of a project with these settings."""
    channel = load_config(project(folder, text), environ={}).channels["lettre"]

    assert isinstance(channel, SmtpChannel)
    return channel


def test_a_server_takes_from_its_channel_what_it_leaves_out(tmp_path: Path) -> None:
    """A pool's servers are whole: their own settings, else the channel's."""
    one, two = smtp(tmp_path, POOL).pool()

    assert ("one.example.org", 465, "tls", 3) == (
        one.host,
        one.port,
        one.security,
        one.weight,
    )
    assert ("two.example.org", 587, "starttls", 1) == (
        two.host,
        two.port,
        two.security,
        two.weight,
    )
    assert (one.username, one.password) == (two.username, two.password)


def test_a_single_host_is_a_pool_of_one(tmp_path: Path) -> None:
    """`host` and what belongs to it make the only server."""
    text = POOL.replace("servers: [", "host: only.example.org\n    # [")
    (only,) = smtp(tmp_path, text).pool()

    assert ("only.example.org", 465, "lettre") == (only.host, only.port, only.username)


@pytest.mark.parametrize(
    ("old", "new"),
    [("servers: [", "# ["), ("servers: [", "host: x\n    servers: [")],
    ids=["neither", "both"],
)
def test_a_channel_has_a_host_or_servers(tmp_path: Path, old: str, new: str) -> None:
    """Without either nobody knows where to send, with both neither."""
    found = failures(project(tmp_path, POOL.replace(old, new)))

    assert [(4, "E104", "channels.lettre: give either host or servers")] == found


def test_a_username_needs_a_password(tmp_path: Path) -> None:
    """The server would refuse it, and every mail would be put off."""
    found = failures(project(tmp_path, POOL.replace("    password: hidden\n", "")))

    said = "a password is missing for lettre at one.example.org"
    assert [(4, "E104", f"channels.lettre: {said}")] == found


def test_one_stands_for_a_list_and_a_name_for_a_preset(tmp_path: Path) -> None:
    """Rates, keys and presets may be written the short way."""
    channel = smtp(tmp_path, POOL)

    assert [(10, 1), (2000, 86400)] == [
        (rate.count, rate.per.total_seconds()) for rate in channel.rate
    ]
    assert ["example.org"] == [key.domain for key in channel.dkim]
    assert [("orange.fr", "wanadoo.fr"), ("free.fr",)] == [
        limits.of for limits in channel.domains
    ]
    assert [(2, 100), (2, None)] == [
        (limits.connections, limits.messages_per_connection)
        for limits in channel.domains
    ]


@pytest.mark.parametrize(
    ("old", "new", "line", "code"),
    [
        ("orange,", "oragne,", 14, "E104"),
        ("weight: 3", "wieght: 3", 11, "E103"),
        ("10/s, 2000/d", "10/s, fast", 12, "E104"),
        ("first_day", "frist_day", 13, "E103"),
        ("2026-12-01", "soon", 13, "E104"),
        ("one.example.org", "one.example.org:465", 11, "E104"),
        ("two.example.org", "smtp://two.example.org", 11, "E104"),
        ("[free.fr]", "[FREE.fr, free.fr]", 14, "E104"),
        ("[free.fr]", "[Wanadoo.fr]", 14, "E104"),
        ("[free.fr]", "[xn--mnchen-3ya.de, münchen.de]", 14, "E104"),
        ("[free.fr]", "[x@free.fr]", 14, "E104"),
        ("[free.fr]", "free.fr", 14, "E104"),
        ("domain: example.org", "domain: exa mple", 15, "E104"),
        ("selector: s1", "selector: a..b", 15, "E104"),
    ],
)
def test_faults_inside_a_channel_are_found_at_their_line(
    tmp_path: Path, old: str, new: str, line: int, code: str
) -> None:
    """What is wrong in a list of a channel is named where it stands."""
    found = failures(project(tmp_path, POOL.replace(old, new)))

    assert (line, code) in {(at, what) for at, what, _ in found}


def test_every_rate_that_is_none_is_named(tmp_path: Path) -> None:
    """A list of rates tells all its faults at once, bare numbers included."""
    text = POOL.replace("10/s, 2000/d", "fast, 10/s, 20, 0/h, 9999999999/s")

    found = failures(project(tmp_path, text))

    assert ["'fast'", "'20'", "'0/h'", "'9999999999/s'"] == [
        said.split()[1] for _, _, said in found
    ]


@pytest.mark.parametrize(
    "host", ["localhost", "192.0.2.1", "2001:db8::1", "smtp_1.example.org"]
)
def test_hosts_are_names_and_numbers(tmp_path: Path, host: str) -> None:
    """A port or a path belongs elsewhere, an IPv6 address is no port."""
    text = POOL.replace("one.example.org", f"'{host}'")

    assert host == smtp(tmp_path, text).pool()[0].host


def test_domains_are_read_as_addresses_are(tmp_path: Path) -> None:
    """Capitals and A-labels name the same destination as in a file of readers."""
    text = POOL.replace("[free.fr]", "[Free.FR, xn--mnchen-3ya.de]")

    assert ("free.fr", "münchen.de") == smtp(tmp_path, text).domains[1].of


def test_two_keys_have_two_names(tmp_path: Path) -> None:
    """Only one record can stand under a name."""
    key = "{domain: example.org, selector: s1, key: keys/s1.pem}"
    ((line, _, said),) = failures(
        project(tmp_path, POOL.replace(key, f"[{key}, {key}]"))
    )

    assert 15 == line
    assert "two keys are called s1.example.org" in said
