"""Records: what is wrong is named, with the nearest known key; what is written reads back."""

import json
from typing import Literal

import pytest

from cytobench.errors import CytoBenchError
from cytobench.schema import Record, dump_json, load_json, read_json, read_yaml, validate


class Optimizer(Record):
    lr: float


class Recipe(Record):
    schema_version: Literal[1] = 1
    steps: int = 1
    optimizer: dict[str, Optimizer] = {}
    first: Optimizer | None = None
    several: tuple[Optimizer, ...] = ()


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({"stesp": 1}, "file: unknown key 'stesp'; did you mean 'steps'?"),
        ({"zzz": 1}, "file: unknown key 'zzz'"),
        ({"optimizer": {"g": {"lr": 1, "lrr": 1}}}, "file: unknown key 'lrr' in optimizer.g; did you mean 'lr'?"),
        ({"first": {"lr": 1, "lrr": 1}}, "file: unknown key 'lrr' in first; did you mean 'lr'?"),
        ({"several": [{"lr": 1, "lrr": 1}]}, "file: unknown key 'lrr' in several.0; did you mean 'lr'?"),
        ({"optimizer": {"g": {}}}, "file: the key 'optimizer.g.lr' is missing"),
        ({"first": {}}, "file: the key 'first.lr' is missing"),
        ({"first": {"Lr": 1}}, "file: unknown key 'Lr' in first; did you mean 'lr'?"),
    ],
)
def test_a_wrong_key_is_named(data, sentence):
    with pytest.raises(CytoBenchError) as raised:
        validate(Recipe, data, "file")
    assert str(raised.value) == sentence


@pytest.mark.parametrize(
    ("data", "named"),
    [
        ({"steps": "many"}, r"^file: steps: .*\(got 'many'\)$"),
        ({"optimizer": {"g": {"lr": "x" * 500}}}, r"^file: optimizer\.g\.lr: .{1,200}$"),
        (["steps"], "^file: .*dictionary"),
        (None, "^file: .*dictionary"),
    ],
)
def test_a_wrong_value_is_shown_where_it_stands(data, named):
    with pytest.raises(CytoBenchError, match=named):
        validate(Recipe, data, "file")


def test_what_is_written_reads_back_and_equal_records_give_equal_bytes(tmp_path):
    record = Recipe(steps=3, optimizer={"g": Optimizer(lr=0.1)})
    (tmp_path / "r.json").write_text(dump_json(record))
    assert load_json(Recipe, tmp_path / "r.json") == record
    assert dump_json(load_json(Recipe, tmp_path / "r.json")) == dump_json(record)


def test_a_record_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        Recipe().steps = 2


@pytest.mark.parametrize("version", [2, "1", None])
def test_another_schema_version_is_said(tmp_path, version):
    file = tmp_path / "r.json"
    file.write_text(json.dumps({"schema_version": version}))
    with pytest.raises(CytoBenchError, match=f"{file}: schema version {version!r}, but this CytoBench reads version 1; use the"):
        load_json(Recipe, file)


@pytest.mark.parametrize("text", [b'{"steps": 1', b"", b"\xff\xfe"])
def test_damaged_json_is_one_sentence(tmp_path, text):
    (tmp_path / "r.json").write_bytes(text)
    with pytest.raises(CytoBenchError, match=r"r\.json: not valid JSON \(.*\); the file is damaged, make it again$"):
        read_json(tmp_path / "r.json")


@pytest.mark.parametrize("text", [b"a: [1, 2", b"a: b: c", b"\xff\xfe\xfd", b"a: !!python/object/apply:os.system [exit]"])
def test_damaged_yaml_is_one_sentence_and_runs_nothing(tmp_path, text):
    (tmp_path / "r.yaml").write_bytes(text)
    with pytest.raises(CytoBenchError, match=r"r\.yaml: not valid YAML \([^\n]*\)$"):
        read_yaml(tmp_path / "r.yaml")


@pytest.mark.parametrize("read", [read_json, read_yaml])
def test_a_missing_file_is_named(tmp_path, read):
    with pytest.raises(CytoBenchError, match=r"nowhere: no such file$"):
        read(tmp_path / "nowhere")
