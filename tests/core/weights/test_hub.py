"""The Hub's own client against a local server that speaks its protocol."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import huggingface_hub
import pytest
import safetensors.torch
import torch
from huggingface_hub import ModelCard

from tests.conftest import Run
from tests.http_server import Server, serving
from tests.hub_server import COMMIT, Hub
from visorvos import STM, load_weights
from visorvos.core.weights.hub import fetch_from_hub
from visorvos.errors import VisorVosError

pytestmark = pytest.mark.network

NAME = "user/stm"
TEXT = f"hf://{NAME}"
constants = huggingface_hub.constants


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[tuple[Hub, Server]]:
    """The client uses a local server, an empty cache and no token."""
    hub = Hub()
    with serving(hub) as server:
        monkeypatch.setattr(constants, "ENDPOINT", server.url)
        template = server.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / server.url.rpartition(":")[2]))
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
            monkeypatch.delenv(name, raising=False)
        yield hub, server


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    """The files that `push_to_hub` wrote; filled by the first test that needs them."""
    return {}


@pytest.fixture
def pushed(hub: tuple[Hub, Server], small_stm: STM, files: dict[str, bytes]) -> tuple[Hub, Server]:
    """A repository written by `push_to_hub`."""
    if files:
        hub[0].repositories[NAME] = dict(files)
        return hub
    card = {
        "data": "MS-COCO, then VISOR train.",
        "recipe": "400,000 clips, batches of 32.",
        "scores": [("VISOR val", 75.8, 73.6, 78.0)],
        "repo_id": NAME,
    }
    small_stm.push_to_hub(NAME, token="hf_secret", model_card_kwargs=card)
    commit = next(headers for _, path, headers in hub[1].requests if path.endswith("/commit/main"))
    assert commit["authorization"] == "Bearer hf_secret"
    files.update(hub[0].repositories[NAME])
    return hub


def test_pushed_weights_load(pushed: tuple[Hub, Server], small_stm: STM) -> None:
    assert set(pushed[0].repositories[NAME]) == {"README.md", "config.json", "model.safetensors"}
    for stm in (STM.from_pretrained(NAME), load_weights(TEXT)):
        assert stm.backbone == "resnet18"
        assert not stm.training
        found = stm.state_dict()
        assert all(torch.equal(found[name], tensor) for name, tensor in small_stm.state_dict().items())


def test_the_card_names_data_recipe_and_scores(pushed: tuple[Hub, Server]) -> None:
    card = ModelCard(pushed[0].repositories[NAME]["README.md"].decode())
    assert card.data.license == "cc-by-nc-sa-4.0"
    assert card.data.to_dict()["library_name"] == "visorvos"
    assert "Backbone: resnet18." in card.text
    assert "## Training data\n\nMS-COCO, then VISOR train." in card.text
    assert "## Training recipe\n\n400,000 clips, batches of 32." in card.text
    assert "| VISOR val | 75.8 | 73.6 | 78.0 |" in card.text
    assert f'STM.from_pretrained("{NAME}")' in card.text
    assert f"--weights hf://{NAME}" in card.text


def test_the_card_says_what_is_not_stated(small_stm: STM, tmp_path: Path) -> None:
    small_stm.save_pretrained(tmp_path)
    text = (tmp_path / "README.md").read_text()
    for heading in ("Training data", "Training recipe", "Scores"):
        assert f"## {heading}\n\nNot stated." in text


def test_weights_of_another_network_are_refused(pushed: tuple[Hub, Server]) -> None:
    pushed[0].repositories[NAME]["config.json"] = json.dumps({"backbone": "resnet50"}).encode()
    with pytest.raises(VisorVosError, match="do not fit an STM with resnet50"):
        STM.from_pretrained(NAME)


FAULTS: dict[str, tuple[torch.Tensor | None, str]] = {
    "missing": (None, r"1 missing \(decoder\.predict\.bias\)"),
    "shape": (torch.zeros(3), r"size mismatch for decoder\.predict\.bias: .*\[3\].*\[2\]"),
    "not finite": (torch.tensor([0, float("nan")]), r"not finite: decoder\.predict\.bias"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_weights_that_do_not_fit_are_refused(pushed: tuple[Hub, Server], fault: str) -> None:
    files = pushed[0].repositories[NAME]
    tensors = safetensors.torch.load(files["model.safetensors"])
    tensor, sentence = FAULTS[fault]
    del tensors["decoder.predict.bias"]
    if tensor is not None:
        tensors["decoder.predict.bias"] = tensor
    files["model.safetensors"] = safetensors.torch.save(tensors)
    for load in (lambda: STM.from_pretrained(NAME), lambda: load_weights(TEXT)):
        with pytest.raises(VisorVosError, match=sentence):
            load()


def test_unknown_weights_are_refused(pushed: tuple[Hub, Server]) -> None:
    files = pushed[0].repositories[NAME]
    tensors = safetensors.torch.load(files["model.safetensors"])
    files["model.safetensors"] = safetensors.torch.save(tensors | {"head.weight": torch.zeros(1)})
    with pytest.raises(VisorVosError, match=r"1 unknown \(head\.weight\)"):
        STM.from_pretrained(NAME)


def test_the_file_names_its_backbone(pushed: tuple[Hub, Server], tmp_path: Path) -> None:
    (tmp_path / "x.safetensors").write_bytes(pushed[0].repositories[NAME]["model.safetensors"])
    with safetensors.safe_open(tmp_path / "x.safetensors", "pt") as file:
        assert file.metadata() == {"backbone": "resnet18"}
    assert json.loads(pushed[0].repositories[NAME]["config.json"]) == {"backbone": "resnet18"}


def test_the_token_is_sent(pushed: tuple[Hub, Server], monkeypatch: pytest.MonkeyPatch) -> None:
    hub, _ = pushed
    hub.token = "hf_mine"
    with pytest.raises(VisorVosError, match="no such repository") as raised:
        fetch_from_hub(TEXT)
    assert "HF_TOKEN" in raised.value.remedy
    monkeypatch.setenv("HF_TOKEN", "hf_mine")
    assert load_weights(TEXT).backbone == "resnet18"


def test_a_revision_is_asked_for(pushed: tuple[Hub, Server]) -> None:
    hub, server = pushed
    hub.revisions.add("v1")
    assert fetch_from_hub(f"{TEXT}@v1").parent.name == COMMIT
    assert any(path.startswith(f"/api/models/{NAME}/revision/v1") for _, path, _ in server.requests)
    assert any(path == f"/{NAME}/resolve/{COMMIT}/model.safetensors" for _, path, _ in server.requests)
    with pytest.raises(VisorVosError, match="no such revision"):
        fetch_from_hub(f"{TEXT}@v2")


@pytest.mark.parametrize("failure", ["offline", "no connection", "503"])
def test_cached_weights_load_without_the_hub(
    pushed: tuple[Hub, Server], failure: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub, server = pushed
    there = fetch_from_hub(TEXT)
    if failure == "offline":
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    elif failure == "503":
        hub.failing = 503
    else:
        monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    asked = len(server.requests)
    assert fetch_from_hub(TEXT) == there
    assert failure == "503" or len(server.requests) == asked
    with pytest.raises(VisorVosError, match="its cache does not have"):
        fetch_from_hub("hf://user/other")


REPOSITORIES: dict[str, tuple[dict[str, bytes], str]] = {
    "none": ({}, "has no weights"),
    "only text": ({"README.md": b"x"}, "has no weights"),
    "several": ({"a.pth": b"x", "b.pth": b"y"}, "several other weights: a.pth, b.pth"),
    "a name that climbs": ({"../../x.pth": b"x"}, "has no weights"),
    "a name in a folder": ({"deep/x.pth": b"x"}, "has no weights"),
}


@pytest.mark.parametrize("name", REPOSITORIES)
def test_repositories_without_weights(hub: tuple[Hub, Server], name: str, tmp_path: Path) -> None:
    hub[0].repositories[NAME], sentence = REPOSITORIES[name]
    with pytest.raises(VisorVosError, match=sentence):
        fetch_from_hub(TEXT)
    assert not list(tmp_path.rglob("x.pth"))


def test_the_only_checkpoint_is_used(pushed: tuple[Hub, Server], monkeypatch: pytest.MonkeyPatch) -> None:
    files = pushed[0].repositories[NAME]
    files["stm.safetensors"] = files.pop("model.safetensors")
    there = fetch_from_hub(TEXT)
    assert there.name == "stm.safetensors"
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert fetch_from_hub(TEXT) == there


def test_gated_repositories(pushed: tuple[Hub, Server]) -> None:
    pushed[0].gated.add(NAME)
    with pytest.raises(VisorVosError, match="gated repository") as raised:
        fetch_from_hub(TEXT)
    assert "hf auth login" in raised.value.remedy


@pytest.mark.parametrize(
    "body", [b"<html>Log in</html>", b"[]", b'"x"', b'{"siblings": 3}', b'{"id": "x", "siblings": [{}]}']
)
def test_an_answer_that_is_not_from_a_hub(
    body: bytes, hub: tuple[Hub, Server], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with serving(lambda request: request.send(200, body)) as server:
        monkeypatch.setattr(constants, "ENDPOINT", server.url)
        with pytest.raises(VisorVosError, match="hf://user/stm"):
            fetch_from_hub(TEXT)


class TestCommand:
    def test_downloads(self, pushed: tuple[Hub, Server], run: Run, tmp_path: Path) -> None:
        done = run("download-weights", f"hf://{NAME}", "--json")
        result = json.loads(done.out)
        assert (result["name"], result["backbone"]) == (TEXT, "resnet18")
        assert Path(result["file"]).read_bytes() == pushed[0].repositories[NAME]["model.safetensors"]
        copied = run("download-weights", TEXT, "--output", tmp_path / "mine")
        assert copied.out == f"{tmp_path}/mine/user--stm.safetensors\n"
        assert load_weights(tmp_path / "mine" / "user--stm.safetensors").backbone == "resnet18"

    @pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"<html></html>"])
    def test_a_file_that_is_not_a_checkpoint(
        self, hub: tuple[Hub, Server], run: Run, tmp_path: Path, content: bytes
    ) -> None:
        hub[0].repositories[NAME] = {"model.safetensors": content}
        done = run("download-weights", f"hf://{NAME}", "--output", tmp_path / "mine")
        assert (done.code, done.out) == (1, "")
        assert "model.safetensors" in done.err
        assert "Traceback" not in done.err
        assert not (tmp_path / "mine").exists()


def test_endpoint_and_home_come_from_the_environment(pushed: tuple[Hub, Server], tmp_path: Path) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(sys.path),
        "HF_ENDPOINT": pushed[1].url,
        "HF_HOME": str(tmp_path / "home"),
        "HF_TOKEN": "hf_mine",
    }
    pushed[0].token = "hf_mine"
    command = [sys.executable, "-m", "visorvos", "download-weights", f"hf://{NAME}"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(tmp_path / "home"))
    assert done.stdout.endswith(f"/snapshots/{COMMIT}/model.safetensors\n")
