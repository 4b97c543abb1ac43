"""Settings: precedence, what each refusal says, and a CONFIG.md that is true."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node import config, limits
from node.config import SETTINGS, ConfigError, assignments, example_file, load

NEW_YEAR_MS = 1_767_222_000_000  # 2025-12-31T23:00:00Z
NOTHING: dict[str, str] = {}


def problems(directory: Path, settings: dict[str, str] = NOTHING, environment: dict[str, str] = NOTHING) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(directory, settings, environment)
    return str(caught.value).splitlines()


def write(directory: Path, text: str) -> Path:
    (directory / config.FILE_NAME).write_text(text, encoding="utf-8")
    return directory


def test_a_directory_without_a_file_has_the_defaults(tmp_path: Path) -> None:
    loaded = load(tmp_path, {}, {})
    assert {name: getattr(loaded, name) for name in SETTINGS} == {s.name: s.default for s in SETTINGS.values()}
    assert loaded.origins == {}


def test_the_command_line_wins_over_the_environment_and_that_over_the_file(tmp_path: Path) -> None:
    write(tmp_path, "api_port = 1\nlink_port = 1\nsql_rows_max = 1\n")
    environment = {"TILLMESH_API_PORT": "2", "TILLMESH_LINK_PORT": "2"}
    loaded = load(tmp_path, {"api_port": "3"}, environment)
    assert (loaded.api_port, loaded.link_port, loaded.sql_rows_max, loaded.language) == (3, 2, 1, "en")
    assert loaded.origins == {
        "api_port": "-s",
        "link_port": "TILLMESH_LINK_PORT",
        "sql_rows_max": "tillmesh.toml line 3",
    }


def test_every_problem_is_named_at_once_with_its_place(tmp_path: Path) -> None:
    write(tmp_path, 'language = "en"\n\napi_prot = 8470\n')
    assert problems(tmp_path, {"api_host": "0.0.0.0"}, {"TILLMESH_LINK_PORT": "70000"}) == [
        "api_prot (tillmesh.toml line 3): there is no such setting; did you mean api_port?",
        "link_port (TILLMESH_LINK_PORT): must be 0 to 65535, not 70000",
        "api_host (-s): must be a loopback address, not '0.0.0.0': the API trusts whoever reaches it with the token",
    ]


def test_a_wrong_value_is_a_problem_even_where_another_overrides_it(tmp_path: Path) -> None:
    write(tmp_path, 'api_port = "eight"\n')
    assert problems(tmp_path, {"api_port": "1"}) == [
        "api_port (tillmesh.toml line 1): must be a whole number, not 'eight'"
    ]


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("api_port", "80.5", "must be a whole number, not '80.5'"),
        ("api_port", "-1", "must be 0 to 65535, not -1"),
        ("api_port", "9" * 400, "must be a whole number"),
        ("mdns", "perhaps", "must be true or false, not 'perhaps'"),
        ("link_host", "till.example", "must be an IP address to listen on"),
        ("mdns_interfaces", "127.0.0.1,eth0;", "must be names or addresses of interfaces, not 'eth0;'"),
        ("advertise", "10.0.0.5/8471", "must be host names or addresses without a port, not '10.0.0.5/8471'"),
        ("api_origins", "localhost", "must be origins like http://localhost:3000, not 'localhost'"),
        ("peers", "10.0.0.5", "must be host:port: '10.0.0.5' is not host:port"),
        ("peers", "fe80::1:8471", "must be host:port: 'fe80::1:8471': write an IPv6 address in brackets"),
        ("peers", "a:0", "must be host:port: 'a:0': the port is not a number from 1 to 65535"),
        ("peers", ",".join(f"h{n}:1" for n in range(limits.static_peers_max + 1)), "at most 256 are dialled"),
        ("language", "english!", "must be a language tag like en or de-AT"),
        ("currency", "euro", "must be three capital letters"),
        ("currency_exponent", "5", "must be 0 to 4, not 5"),
        ("time_zone", "Europe/Atlantis", "is not a time zone of this machine"),
        ("time_zone", "../../etc/passwd", "is not a time zone of this machine"),
        ("time_zone", "+19:00", "further from UTC than any place"),
        ("business_day_cutoff", "24:00", "must be a time HH:MM"),
        ("log_level", "loud", "must be one of debug, info, warning, error, not 'loud'"),
        ("warehouse", "maybe", "must be one of auto, on, off, not 'maybe'"),
        ("sql_seconds_max", "0", "must be 1 to 600, not 0"),
        ("sql_rows_max", "2000000", "must be 1 to 1000000"),
        ("api_token_file", "", "must be the name of a file"),
    ],
)
def test_a_value_that_cannot_be_right_is_refused_with_the_reason(
    tmp_path: Path, name: str, text: str, reason: str
) -> None:
    (problem,) = problems(tmp_path, {name: text})
    assert problem.startswith(f"{name} (-s): ")
    assert reason in problem


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("api_port = true", "api_port (tillmesh.toml line 1): must be a whole number, not True"),
        ("language = 7", "language (tillmesh.toml line 1): must be text in quotes, not 7"),
        ("mdns = 1", "mdns (tillmesh.toml line 1): must be true or false, not 1"),
        ("peers = [1]", "peers (tillmesh.toml line 1): must be a list of texts, not [1]"),
        ("[api]\nport = 1", "api (tillmesh.toml line 1): is a table, and there are none here: write api_port = ..."),
        ("api_port = ", "tillmesh.toml (file): is not TOML: Invalid value (at end of document)"),
        (
            "api_port = 1\napi_port = 2",
            "tillmesh.toml (file): is not TOML: Cannot overwrite a value (at end of document)",
        ),
    ],
)
def test_a_file_that_is_wrong_names_its_line(tmp_path: Path, text: str, reason: str) -> None:
    (problem,) = problems(write(tmp_path, text))
    assert problem.startswith(reason)


def test_a_file_that_is_not_text_or_far_too_large_is_refused(tmp_path: Path) -> None:
    (tmp_path / config.FILE_NAME).write_bytes(b'language = "\xff"')
    assert problems(tmp_path) == ["tillmesh.toml (file): is not UTF-8 at byte 12"]
    (tmp_path / config.FILE_NAME).write_bytes(b"#" * (limits.config_bytes_max + 1))
    assert problems(tmp_path)[0].startswith("tillmesh.toml (file): has 262145 bytes")


def test_a_variable_of_ours_that_names_no_setting_is_a_problem_but_others_are_not(tmp_path: Path) -> None:
    environment = {"TILLMESH_API_PROT": "1", "TILLMESH_DATA": "/x", "TILLMESH_TORTURE": "1", "PATH": "/bin"}
    assert problems(tmp_path, {}, environment) == [
        "api_prot (TILLMESH_API_PROT): there is no such setting; did you mean api_port?"
    ]


def test_assignments_take_the_last_of_one_name_and_refuse_what_has_no_sign() -> None:
    assert assignments(["api_port=1", "peers=a:1,b:2", "api_port=2", "language="]) == {
        "api_port": "2",
        "peers": "a:1,b:2",
        "language": "",
    }
    with pytest.raises(ConfigError, match="must be name=value"):
        assignments(["api_port 1"])


@given(st.text(max_size=60), st.sampled_from(sorted(SETTINGS)))
def test_any_text_is_read_or_refused_by_name(text: str, name: str) -> None:
    try:
        loaded = load(Path("/nonexistent"), {name: text}, {})
    except ConfigError as error:
        assert [problem.setting for problem in error.problems] == [name]
    else:
        assert loaded.origins == {name: "-s"}


@given(st.binary(max_size=200))
def test_any_bytes_in_the_file_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    directory = tmp_path_factory.getbasetemp()
    (directory / config.FILE_NAME).write_bytes(raw)
    try:
        load(directory, {}, {})
    except ConfigError as error:
        assert error.problems


def test_a_written_file_sets_what_was_chosen_and_shows_the_rest(tmp_path: Path) -> None:
    text = example_file({"api_port": 0, "peers": ("10.0.0.5:8471",), "time_zone": "Europe/Vienna", "mdns": False})
    loaded = load(write(tmp_path, text), {}, {})
    assert (loaded.api_port, loaded.peers, loaded.time_zone, loaded.mdns) == (
        0,
        ("10.0.0.5:8471",),
        "Europe/Vienna",
        False,
    )
    assert set(loaded.origins) == {"api_port", "peers", "time_zone", "mdns"}
    uncommented = "\n".join(line.removeprefix("# ") for line in text.splitlines() if " = " in line)
    assert set(tomllib.loads(uncommented)) == set(SETTINGS)


def test_the_offset_of_the_store_follows_its_zone_and_not_the_machine(tmp_path: Path) -> None:
    vienna = load(tmp_path, {"time_zone": "Europe/Vienna"}, {})
    assert vienna.utc_offset_min(NEW_YEAR_MS) == 60
    assert vienna.utc_offset_min(NEW_YEAR_MS + 182 * 86_400_000) == 120
    assert load(tmp_path, {"time_zone": "-03:30"}, {}).utc_offset_min(NEW_YEAR_MS) == -210
    assert load(tmp_path, {"time_zone": "UTC"}, {}).utc_offset_min(2**62) == 0


def test_the_cut_off_is_given_in_minutes_of_the_day(tmp_path: Path) -> None:
    assert load(tmp_path, {"business_day_cutoff": "05:30"}, {}).cutoff_min == 330


def test_files_named_by_settings_lie_in_the_data_directory_unless_absolute(tmp_path: Path) -> None:
    loaded = load(tmp_path, {"state_directory": "/var/lib/state"}, {})
    assert loaded.api_token_path == tmp_path / "api.token"
    assert loaded.state_path == Path("/var/lib/state")


def test_the_start_token_goes_to_the_users_state_directory_by_default(tmp_path: Path) -> None:
    assert config.user_state_directory({"XDG_STATE_HOME": "/s", "LOCALAPPDATA": "/s"}) == Path("/s/tillmesh")


def test_config_md_holds_the_table_that_the_struct_prints() -> None:
    page = (Path(config.__file__).parent / "CONFIG.md").read_text(encoding="utf-8")
    assert config.markdown_table() in page
