from __future__ import annotations

import _codecs
import collections
import json
import pickle
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
import torchvision
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from tests.builders import GOLDEN, as_input, golden, planes, reference_state
from visorvos import STM, VisorVosError, load_weights, save_weights
from visorvos.core.weights.reference_names import CONSTANTS, from_reference, to_reference

State = dict[str, Tensor]


@pytest.fixture(scope="module", params=["resnet18", "resnet50"])
def published(request: pytest.FixtureRequest) -> tuple[str, State]:
    """A backbone, and the weights of a checkpoint for it with the reference's names."""
    return request.param, reference_state(request.param)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A temporary folder, emptied afterwards: weights are large, and pytest keeps folders of failed tests."""
    yield tmp_path
    shutil.rmtree(tmp_path)


def hollow(backbone: str = "resnet18") -> State:
    """Every tensor of a checkpoint, each of one repeated value, so that the file is small."""
    shapes: dict[str, list[int]] = json.loads((GOLDEN / f"state_dict_{backbone}.json").read_text())
    state = {key: torch.tensor(0.5).expand(shape) for key, shape in shapes.items()}
    return state | {key: value for key, value in reference_state_constants().items() if key in state}


def reference_state_constants() -> State:
    """The reference's normalization buffers."""
    values = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
    return {
        f"{encoder}.{name}": torch.tensor(value).view(1, 3, 1, 1)
        for encoder in ("Encoder_M", "Encoder_Q")
        for name, value in values.items()
    }


def assert_same(found: State, expected: State) -> None:
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        assert found[name].dtype == tensor.dtype, name
        assert torch.equal(found[name], tensor), name


class TestRoundTrips:
    @pytest.mark.parametrize("prefix", ["", "module."])
    def test_published_checkpoint_is_saved_bit_for_bit(
        self, published: tuple[str, State], prefix: str, folder: Path
    ) -> None:
        backbone, state = published
        torch.save({prefix + key: tensor for key, tensor in state.items()}, folder / "in.pth")
        stm = load_weights(folder / "in.pth")
        assert stm.backbone == backbone
        assert not stm.training
        assert all(parameter.dtype == torch.float32 for parameter in stm.parameters())
        save_weights(stm, folder / "out.pth")
        saved = torch.load(folder / "out.pth", weights_only=True)
        assert_same(saved, {f"module.{key}": tensor for key, tensor in state.items()})
        listed = json.loads((GOLDEN / f"state_dict_{backbone}.json").read_text())
        assert {key: list(tensor.shape) for key, tensor in saved.items()} == {
            f"module.{key}": shape for key, shape in listed.items()
        }

    def test_our_own_form_is_loaded_bit_for_bit(self, published: tuple[str, State], folder: Path) -> None:
        backbone, state = published
        own = {from_reference(key): tensor for key, tensor in state.items() if key not in CONSTANTS}
        stm = STM.from_state(own, backbone, "test")
        save_weights(stm, folder / "deep" / "weights.safetensors")
        with safe_open(folder / "deep" / "weights.safetensors", "pt") as file:
            assert set(file.keys()) == set(own)
            assert file.metadata() == {"backbone": backbone}
        loaded = load_weights(folder / "deep" / "weights.safetensors")
        assert loaded.backbone == backbone
        assert_same(loaded.state_dict(), own)

    def test_the_same_weights_are_the_same_file(self, small_stm: STM, folder: Path) -> None:
        files = [folder / f"{number}.safetensors" for number in range(8)]
        for file in files:
            save_weights(small_stm, file)
        assert len({file.read_bytes() for file in files}) == 1

    def test_reference_names_in_safetensors_load(self, folder: Path) -> None:
        state = reference_state("resnet18")
        save_file(state, folder / "weights.safetensors")
        loaded = load_weights(str(folder / "weights.safetensors"))
        own = {from_reference(key): tensor for key, tensor in state.items() if key not in CONSTANTS}
        assert_same(loaded.state_dict(), own)

    def test_half_precision_is_loaded_as_float32(self, folder: Path) -> None:
        state = {key: t.bfloat16() if t.is_floating_point() else t for key, t in reference_state("resnet18").items()}
        state |= reference_state_constants()
        torch.save(state, folder / "half.pth")
        loaded = load_weights(folder / "half.pth")
        expected = state["Decoder.pred2.weight"].float()
        assert torch.equal(loaded.decoder.predict.weight, expected)
        assert loaded.decoder.predict.weight.dtype == torch.float32

    @pytest.mark.parametrize("name", ["half.pth", "half.safetensors"])
    def test_network_in_half_precision_is_saved_and_loaded(self, name: str, folder: Path) -> None:
        stm = STM("resnet18", pretrained=False).to(torch.bfloat16)
        save_weights(stm, folder / name)
        loaded = load_weights(folder / name)
        assert torch.equal(loaded.decoder.predict.weight, stm.decoder.predict.weight.float())

    def test_loaded_network_runs_and_can_be_trained(self, folder: Path) -> None:
        """No tensor is left on the device "meta", on which the network is built."""
        torch.save(reference_state("resnet18"), folder / "weights.pth")
        stm = load_weights(folder / "weights.pth")
        recorded = golden("network_resnet18")
        key, _ = stm.memorize(as_input(recorded["frames"][0]), planes(recorded["labels"][0], 3))
        torch.testing.assert_close(key[0].detach(), torch.from_numpy(recorded["key"]), atol=1e-4, rtol=0)
        key.sum().backward()
        assert stm.memory_encoder.stem.weight.grad is not None

    def test_constants_may_be_missing(self, folder: Path) -> None:
        torch.save({key: t for key, t in hollow().items() if key not in CONSTANTS}, folder / "weights.pth")
        assert load_weights(folder / "weights.pth").backbone == "resnet18"

    def test_safetensors_named_pth_load(self, small_stm: STM, folder: Path) -> None:
        save_weights(small_stm, folder / "own.safetensors")
        renamed = (folder / "own.safetensors").rename(folder / "own.pth")
        assert_same(load_weights(renamed).state_dict(), small_stm.state_dict())

    @pytest.mark.parametrize("name", ["old.pth", "old.safetensors"])
    def test_batch_counters_may_be_missing(self, name: str, folder: Path) -> None:
        state = {key: t.contiguous() for key, t in hollow().items() if not key.endswith("num_batches_tracked")}
        assert len(state) < len(hollow())
        save_file(state, folder / name) if name.endswith("s") else torch.save(state, folder / name)
        assert int(load_weights(folder / name).query_encoder.norm.num_batches_tracked) == 0

    def test_files_of_ours_without_metadata_load(self, small_stm: STM, folder: Path) -> None:
        state = {name: tensor.contiguous() for name, tensor in small_stm.state_dict().items()}
        save_file(state, folder / "old.safetensors", metadata={"format": "pt"})
        assert load_weights(folder / "old.safetensors").backbone == "resnet18"


def test_weights_do_not_change_with_their_file(folder: Path) -> None:
    for name in ("weights.pth", "weights.safetensors"):
        save_weights(STM("resnet18", pretrained=False), folder / name)
        stm = load_weights(folder / name)
        before = stm.decoder.predict.weight.clone()
        (folder / name).write_bytes(bytes((folder / name).stat().st_size))
        assert torch.equal(stm.decoder.predict.weight, before)


def test_names_translate_one_to_one() -> None:
    for backbone in ("resnet18", "resnet50"):
        theirs = [key for key in hollow(backbone) if key not in CONSTANTS]
        with torch.device("meta"):
            stm = STM(backbone, pretrained=False)
        assert sorted(from_reference(key) for key in theirs) == sorted(stm.state_dict())
        assert sorted(to_reference(name) for name in stm.state_dict()) == sorted(theirs)
    with pytest.raises(KeyError, match="head"):
        to_reference("head.weight")


class Encoded:
    """Makes one of the few calls that the restricted unpickler allows fail."""

    def __reduce__(self) -> tuple[Callable[[str, str], object], tuple[str, str]]:
        return _codecs.encode, ("x", "no such encoding")


class Trap:
    """Runs code when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[[str, str], object], tuple[str, str]]:
        return open, (str(self.mark), "w")


def changed(**changes: Tensor | None) -> Callable[[Path], None]:
    """Writes a checkpoint with tensors replaced, added, or (None) left out; ``__`` stands for a dot."""

    def write(path: Path) -> None:
        state = hollow()
        for name, tensor in changes.items():
            key = name.replace("__", ".")
            if tensor is None:
                del state[key]
            else:
                state[key] = tensor
        torch.save({f"module.{key}": tensor for key, tensor in state.items()}, path)

    return write


def other(*lines: str) -> Callable[[Path], None]:
    return lambda path: path.write_text("\n".join(lines)) and None


def saved(content: object) -> Callable[[Path], None]:
    return lambda path: torch.save(content, path)


def truncated(write: Callable[[Path], None], share: float) -> Callable[[Path], None]:
    def cut(path: Path) -> None:
        write(path)
        content = path.read_bytes()
        path.write_bytes(content[: int(len(content) * share)])

    return cut


def rezipped(change: Callable[[str, bytes], bytes], method: int = zipfile.ZIP_STORED) -> Callable[[Path], None]:
    """A checkpoint whose parts are changed, under checksums of their own."""

    def write(path: Path) -> None:
        torch.save({"module.Decoder.pred2.bias": torch.arange(4.0)}, path)
        with zipfile.ZipFile(path) as archive:
            parts = {info.filename: archive.read(info) for info in archive.infolist()}
        with zipfile.ZipFile(path, "w", method) as archive:
            for name, content in parts.items():
                archive.writestr(name, change(name, content))

    return write


def claims(old: bytes, new: bytes) -> Callable[[str, bytes], bytes]:
    def change(name: str, content: bytes) -> bytes:
        assert old in content or not name.endswith("data.pkl")
        return content.replace(old, new) if name.endswith("data.pkl") else content

    return change


def with_stage(state: State, blocks: int) -> State:
    """A checkpoint whose encoders have another number of blocks in their last stage."""
    return state | {
        key.replace(".res4.1.", f".res4.{blocks - 1}."): tensor for key, tensor in state.items() if ".res4.1." in key
    }


def states(backbone: str) -> Callable[[Path], None]:
    """The weights of a ResNet-18 network, with a backbone in the metadata."""

    def write(path: Path) -> None:
        state = {from_reference(key): t.contiguous() for key, t in hollow().items() if key not in CONSTANTS}
        save_file(state, path, metadata={"backbone": backbone})

    return write


def header(claimed: int, text: bytes) -> Callable[[Path], None]:
    """A .safetensors file that claims a length of its header, or tensors, that it does not have."""
    return lambda path: path.write_bytes(claimed.to_bytes(8, "little") + text) and None


HUGE = b'{"x":{"dtype":"F32","shape":[1000000,1000000],"data_offsets":[0,4000000000000]}}'
# Numbers of a pickle: 4 in a byte, 1 << 28 in four bytes.
FEW, MANY = b"K\x04", b"J\x00\x00\x00\x10"


def own_form(path: Path) -> None:
    save_file({"query_encoder.stem.weight": torch.zeros(64, 3, 7, 7)}, path)


def not_a_number(path: Path) -> None:
    stm = STM("resnet18", pretrained=False)
    torch.nn.init.constant_(stm.decoder.predict.weight[0, 0], float("nan"))
    save_weights(stm, path)


NAN = torch.tensor([0.0, float("nan")])
HTML = ("<!DOCTYPE html>", "<html><head><title>Dropbox</title></head><body>Sign in</body></html>")

BAD: dict[str, tuple[str, Callable[[Path], None], str]] = {
    "missing": ("a.pth", lambda _: None, "Weights not found"),
    "a folder": ("a.pth", Path.mkdir, "folder"),
    "empty .pth": ("a.pth", Path.touch, "empty"),
    "empty .safetensors": ("a.safetensors", Path.touch, "empty"),
    "truncated .pth": ("a.pth", truncated(changed(), 0.5), "cannot be read"),
    "nearly whole .pth": ("a.pth", truncated(changed(), 0.999), "cannot be read"),
    "truncated .safetensors": ("a.safetensors", truncated(own_form, 0.5), "it is not a complete safetensors file"),
    "truncated header of .safetensors": ("a.safetensors", truncated(own_form, 0.0003), "cannot be read"),
    "web page .pth": ("a.pth", other(*HTML), "cannot be read"),
    "web page .safetensors": ("a.safetensors", other(*HTML), "cannot be read"),
    "text": ("a.txt", other("epoch,loss", "1,0.5"), "cannot be read"),
    "one byte": ("a.pth", other("x"), "cannot be read"),
    "no such encoding": ("a.pth", saved({"Encoder_Q.x": Encoded()}), "cannot be read"),
    "a list": ("a.pth", saved([torch.zeros(2)]), "list"),
    "a tensor": ("a.pth", saved(torch.zeros(2)), "Tensor"),
    "nothing": ("a.pth", saved(None), "NoneType"),
    "no tensors": ("a.pth", saved({}), "dict"),
    "nested": ("a.pth", saved({"state_dict": {"x": torch.zeros(1)}, "epoch": 3}), "state_dict, epoch"),
    "a whole network": ("a.pth", saved(torch.nn.Linear(2, 2)), "cannot be read"),
    "another network": (
        "a.pth",
        lambda path: torch.save(torchvision.models.resnet18(weights=None).state_dict(), path),
        "conv1.weight",
    ),
    "another network, ordered": (
        "a.pth",
        saved(collections.OrderedDict({"layer.weight": torch.zeros(1)})),
        "layer.weight",
    ),
    "a part of ours": ("a.safetensors", own_form, "other residual blocks"),
    "one missing": ("a.pth", changed(Decoder__pred2__bias=None), "1 missing (decoder.predict.bias)"),
    "one too many": ("a.pth", changed(Decoder__pred3__bias=torch.zeros(2)), "1 unknown (module.Decoder.pred3.bias)"),
    "one without prefix too many": ("a.pth", saved(hollow() | {"head": torch.zeros(1)}), "1 unknown (head)"),
    "a number for a name": ("a.pth", saved({**hollow(), 5: torch.zeros(1)}), "1 unknown (5)"),
    "wrong shape": (
        "a.pth",
        changed(Decoder__pred2__bias=torch.zeros(3)),
        "size mismatch for decoder.predict.bias: copying a param with shape torch.Size([3])",
    ),
    "foreign depth": ("a.pth", saved(with_stage(hollow(), 3)), "other residual blocks"),
    "other backbone than stated": ("a.safetensors", states("resnet50"), "do not fit an STM with resnet50"),
    "unknown backbone stated": ("a.safetensors", states("vgg16"), "got the backbone vgg16"),
    "a bomb of zeros": (
        "a.pth",
        rezipped(lambda _, content: content + bytes(1 << 20), zipfile.ZIP_DEFLATED),
        "compressed",
    ),
    "a storage and tensor larger than the file": ("a.pth", rezipped(claims(FEW, MANY)), "cannot be read"),
    "a tensor larger than its storage": (
        "a.pth",
        rezipped(claims(FEW + b"\x85q", MANY + b"\x85q")),
        "cannot be read",
    ),
    "a header longer than the file": ("a.safetensors", header(1 << 62, b"{}"), "cannot be read"),
    "a header of a gigabyte": ("a.safetensors", header(1 << 30, b"{}"), "cannot be read"),
    "a tensor longer than the file": ("a.safetensors", header(len(HUGE), HUGE), "cannot be read"),
    "a header nested deep": ("a.safetensors", header(50_000, b"[" * 50_000), "cannot be read"),
    "NaN": ("a.pth", changed(Decoder__pred2__bias=NAN), "not finite: decoder.predict.bias"),
    "infinite": ("a.pth", changed(Decoder__pred2__bias=NAN / 0), "not finite: decoder.predict.bias"),
    "infinite in float32": (
        "a.pth",
        changed(Decoder__pred2__bias=torch.tensor([1e300, 0], dtype=torch.float64)),
        "not finite: decoder.predict.bias",
    ),
    "NaN in our form": ("a.safetensors", not_a_number, "not finite: decoder.predict.weight"),
    "other mean": ("a.pth", changed(Encoder_M__mean=torch.full((1, 3, 1, 1), 0.5)), "Encoder_M.mean"),
    "other std": ("a.pth", changed(Encoder_Q__std=torch.ones(1, 3, 1, 1)), "Encoder_Q.std"),
    "NaN mean": ("a.pth", changed(Encoder_Q__mean=torch.full((1, 3, 1, 1), float("nan"))), "Encoder_Q.mean"),
    "mean of four channels": ("a.pth", changed(Encoder_M__mean=torch.zeros(1, 4, 1, 1)), "Encoder_M.mean"),
    "mean of no channel": ("a.pth", changed(Encoder_M__mean=torch.zeros(0)), "Encoder_M.mean"),
    "sparse": ("a.pth", changed(Decoder__pred2__bias=torch.ones(2).to_sparse()), "Decoder.pred2.bias"),
    "sparse mean": ("a.pth", changed(Encoder_M__mean=torch.ones(1, 3, 1, 1).to_sparse()), "Encoder_M.mean"),
    "no values": ("a.pth", changed(Decoder__pred2__bias=torch.zeros(2, device="meta")), "Decoder.pred2.bias"),
}


@pytest.mark.filterwarnings("ignore:Validating sparse tensor")
@pytest.mark.parametrize(("name", "write", "culprit"), BAD.values(), ids=BAD)
def test_bad_file_is_refused_with_file_and_reason(
    name: str, write: Callable[[Path], None], culprit: str, folder: Path
) -> None:
    write(folder / name)
    with pytest.raises(VisorVosError) as raised:
        load_weights(folder / name)
    assert str(folder / name) in raised.value.message
    assert culprit in raised.value.message
    assert raised.value.remedy
    assert "\n" not in str(raised.value)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("name", ["trap.pth", "trap.safetensors", "trap.bin"])
@pytest.mark.parametrize("zipped", [False, True])
def test_pickle_is_not_executed(name: str, zipped: bool, tmp_path: Path) -> None:
    mark = tmp_path / "it ran"
    content = {**hollow(), "Decoder.pred2.bias": Trap(mark)}
    if zipped:
        torch.save(content, tmp_path / name)
    else:
        (tmp_path / name).write_bytes(pickle.dumps({"Encoder_Q.x": Trap(mark)}))
    with pytest.raises(VisorVosError, match=name):
        load_weights(tmp_path / name)
    assert not mark.exists()
    if not zipped:
        pickle.loads((tmp_path / name).read_bytes())["Encoder_Q.x"].close()
        assert mark.exists(), "the trap does not work"


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", ["a.pth", "legacy.pth", "a.safetensors"])
def test_damaged_bytes_raise_nothing_else(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("damaged") / name
    content = {"module.Encoder_Q.bn1.weight": torch.ones(4), "module.Encoder_Q.bn1.bias": torch.zeros(2, 2)}
    if path.suffix == ".safetensors":
        save_file(content, path)
    else:
        torch.save(content, path, _use_new_zipfile_serialization=name == "a.pth")
    whole = path.read_bytes()

    @settings(max_examples=60, deadline=None)
    @given(st.lists(st.tuples(st.integers(0, len(whole) - 1), st.integers(0, 255)), max_size=4), st.integers(1, 10**9))
    def damage(changes: list[tuple[int, int]], length: int) -> None:
        damaged = bytearray(whole)
        for place, value in changes:
            damaged[place] = value
        path.write_bytes(damaged[:length])
        with pytest.raises(VisorVosError, match=name):
            load_weights(path)

    damage()


@pytest.fixture(scope="module")
def stm() -> STM:
    return STM("resnet18", pretrained=False)


class TestSaving:
    @pytest.mark.parametrize("name", ["weights.pt", "weights", "weights.onnx"])
    def test_unknown_suffix_is_refused(self, stm: STM, name: str, tmp_path: Path) -> None:
        with pytest.raises(VisorVosError, match=name) as raised:
            save_weights(stm, tmp_path / name)
        assert ".safetensors" in raised.value.remedy
        assert not list(tmp_path.iterdir())

    @pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
    def test_file_in_the_way_of_the_folder(self, stm: STM, suffix: str, tmp_path: Path) -> None:
        (tmp_path / "taken").write_text("mine")
        with pytest.raises(VisorVosError, match="taken"):
            save_weights(stm, tmp_path / "taken" / f"weights{suffix}")
        assert [path.name for path in tmp_path.iterdir()] == ["taken"]
        assert (tmp_path / "taken").read_text() == "mine"

    @pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
    def test_folder_in_the_way_of_the_file(self, stm: STM, suffix: str, tmp_path: Path) -> None:
        (tmp_path / f"weights{suffix}").mkdir()
        with pytest.raises(VisorVosError, match="weights"):
            save_weights(stm, tmp_path / f"weights{suffix}")
        assert [path.name for path in tmp_path.rglob("*")] == [f"weights{suffix}"]

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no disk that is always full")
    def test_full_disk_leaves_the_old_file(self, stm: STM, tmp_path: Path) -> None:
        (tmp_path / "weights.pth").write_text("old")
        (tmp_path / ".weights.pth.part").symlink_to("/dev/full")
        with pytest.raises(VisorVosError, match=r"weights\.pth"):
            save_weights(stm, tmp_path / "weights.pth")
        assert [path.name for path in tmp_path.iterdir()] == ["weights.pth"]
        assert (tmp_path / "weights.pth").read_text() == "old"

    def test_interruption_leaves_no_part(self, stm: STM, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def interrupted(path: Path, content: bytes) -> None:
            with path.open("wb") as file:
                file.write(content[: len(content) // 2])
            raise KeyboardInterrupt

        monkeypatch.setattr(Path, "write_bytes", interrupted)
        with pytest.raises(KeyboardInterrupt):
            save_weights(stm, tmp_path / "weights.pth")
        assert not list(tmp_path.iterdir())
