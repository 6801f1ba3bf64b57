"""Propagation of masks through one video, frame by frame."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Sized

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate

from visorvos.core.inference.planes import frame_tensor, mask_tensor
from visorvos.core.inference.policy import MemoryName, MemoryPolicy, choose_policy
from visorvos.core.inference.view import View, average
from visorvos.core.labels import object_ids
from visorvos.core.network.stm import STM
from visorvos.errors import VisorVosError

Frame = NDArray[np.uint8]
Labels = NDArray[np.uint8]


def segment_video(
    stm: STM,
    frames: Iterable[Frame],
    first_mask: Labels,
    memory: MemoryName = "every",
    every: int = 5,
    limit: int = 8,
    masks: Mapping[int, Labels] | None = None,
    objects: Collection[int] | None = None,
    size: int = -1,
    complete: bool = False,
    flip: bool = False,
    scales: Sequence[float] = (1.0,),
) -> Iterator[Labels]:
    """Finds the objects of the first frame's mask in every frame; each frame is read when its mask is due.

    The previous frame is always in memory, with its soft prediction, and beside it those that ``memory`` names.

    Args:
        stm: the network, in evaluation mode, on the device and in the precision to compute with.
        frames: uint8 (H, W, 3) RGB, all of one size. With ``memory="visor"`` it has a length.
        first_mask: uint8 (H, W), object ids 1..255, 0 the background.
        memory: "every": every k-th frame, at most ``limit`` of them (an object's first frame, the newest, and an
            even spread between), and up to 16 more frames with a given mask, which are dropped last. "visor": the
            frames of the evaluation protocol.
        every: k.
        limit: maximum frames in memory beside the previous one and those with a given mask.
        masks: masks of later frames by frame number. An object that such a mask shows is where the mask says;
            the others are searched for outside it, unless masks are ``complete``. New ids are objects from that
            frame on. Numbers past the last frame are ignored.
        objects: ids to track from the first frame on beside those of ``first_mask``, even if not shown there.
        size: short side in pixels at which frames are segmented, -1: their own. The logits are resized back.
        complete: objects that a mask of a later frame does not show are absent from that frame.
        flip, scales: see `Segmenter`.

    Returns:
        A generator of uint8 (H, W) masks with the ids as given, one per frame, the first as it was given.

    Raises:
        VisorVosError: for a network in training mode; for frames or masks of the wrong form, at the frame in question.
    """
    later = masks or {}
    tracked = None if objects is None else [int(object_id) for object_id in objects]
    if any(not 1 <= object_id <= 255 for object_id in tracked or ()):
        raise VisorVosError(f"objects must be ids from 1 to 255, got {tracked}.", "0 is the background.")
    if not (tracked or later or first_mask.any()):
        raise VisorVosError("The first mask shows no object.", "Mark each object with an id from 1 to 255.")
    if 0 in later:
        raise VisorVosError("The mask of frame 0 is given twice.", "Pass it as first_mask only.")
    length = len(frames) if isinstance(frames, Sized) else None
    policy = choose_policy(memory, every, limit, lambda: length)
    segmenter = Segmenter(stm, policy, size, flip, scales)

    def masks_in_order() -> Iterator[Labels]:
        for number, frame in enumerate(frames):
            if number == 0:
                yield segmenter.step(frame, first_mask, tracked)
            else:
                yield segmenter.step(frame, later.get(number), complete=complete)

    return masks_in_order()


class Segmenter:
    """The state of one video: `step` takes the next frame and returns its mask.

    With ``flip`` or several ``scales`` the network sees several views of each frame, each with a memory of its own,
    and their logits are averaged. Every view memorizes the average. So does the flip of Cutie (Cheng et al., CVPR
    2024), with probabilities; AOT (Yang et al., NeurIPS 2021) averages probabilities too, but each view memorizes its
    own.

    Args:
        stm: the network, in evaluation mode, on the device and in the precision to compute with.
        policy: which frames to remember.
        size: short side in pixels at which frames are segmented, -1: their own.
        flip: see each frame mirrored, left to right, as well.
        scales: see each frame at these multiples of ``size``.

    Raises:
        VisorVosError: for a network in training mode, or a size or scale that is not positive.
    """

    def __init__(
        self,
        stm: STM,
        policy: MemoryPolicy,
        size: int = -1,
        flip: bool = False,
        scales: Sequence[float] = (1.0,),
    ) -> None:
        if size != -1 and size < 1:
            raise VisorVosError(f"size must be a short side in pixels, 1 or more, or -1, got {size}.", "Pass size=-1.")
        if not scales or min(scales) <= 0:
            raise VisorVosError(f"scales must be one or more numbers above 0, got {scales}.", "Pass scales=(1.0,).")
        if stm.training:
            raise VisorVosError("The network is in training mode: its batch norms would change.", "Call stm.eval().")
        self.stm = stm
        self.policy = policy
        self.object_ids: list[int] = []
        """The user's id of each of the network's planes."""
        self.frames_seen = 0
        """The number of the next frame."""
        self.frames_searched = 0
        """The number of frames in which the network searched for objects."""
        self._views = [
            View(stm, policy, size, scale, mirrored)
            for scale in scales
            for mirrored in ((False, True) if flip else (False,))
        ]
        self._pending: tuple[int, bool, bool] | None = None
        """Number, keep and given of the newest frame: it is memorized when the next one comes, the last one never."""
        self._shape: tuple[int, ...] | None = None
        self._device = next(stm.parameters()).device

    @torch.inference_mode()
    def step(
        self,
        frame: Frame,
        mask: Labels | None = None,
        objects: Collection[int] | None = None,
        complete: bool = False,
        number: int | None = None,
    ) -> Labels:
        """Segments the next frame.

        Args:
            frame: uint8 (H, W, 3) RGB.
            mask: uint8 (H, W), what is known of this frame.
            objects: with a mask: ids to track from here on beside those that it shows.
            complete: objects tracked so far that the mask does not show are absent from this frame.
            number: the frame's number, by default that of the last frame plus 1.

        Returns:
            uint8 (H, W): the frame's mask. Pixels that the given mask labels are as given.
        """
        number = self.frames_seen if number is None else number
        self._check(number, frame, mask)
        self._memorize_pending()
        self._look(frame)

        known = set() if mask is None else {*object_ids(mask), *(objects or ()), *(self.object_ids if complete else ())}
        searched = [object_id for object_id in self.object_ids if object_id not in known]
        logits = self._find(searched)
        labels = self._labels(logits, searched, frame.shape[:2])
        if mask is not None:
            labels = np.where(mask > 0, mask, labels)

        self._track(known)
        if self.object_ids:
            self._hold(torch.softmax(logits, dim=1)[:, 1:], searched, mask)
            self._pending = number, self.policy.adds(number, given=mask is not None), mask is not None
        self.frames_seen = number + 1
        return labels

    @torch.inference_mode()
    def remember(self, number: int, frame: Frame, mask: Labels, keep: bool, given: bool) -> None:
        """Adds a frame whose mask is known to the memory, whatever the policy says; frames may come in any order.

        Args:
            number: the frame's number.
            frame: uint8 (H, W, 3) RGB.
            mask: uint8 (H, W), complete; ids that it shows are tracked from here on.
            keep: whether the frame stays in memory when the next one comes.
            given: whether the mask was given, not predicted.
        """
        self._check(number, frame, mask)
        self._memorize_pending()
        self._look(frame)
        self._track(object_ids(mask))
        if self.object_ids:
            self._hold(self._views[0].image[:, :0], (), mask)
            self._pending = number, keep, given

    def _track(self, ids: Collection[int]) -> None:
        self.object_ids += sorted(set(ids) - set(self.object_ids))

    @torch.inference_mode()
    def state(self) -> dict[str, Tensor]:
        """Tensors by name, with which `restore` continues as if there had been no interruption."""
        self._memorize_pending()
        banks = enumerate(view.bank.state() for view in self._views)
        return {f"{view}.{name}": tensor for view, bank in banks for name, tensor in bank.items()} | self.position()

    def position(self) -> dict[str, Tensor]:
        """The part of `state` that says how many frames are done: enough once the video is finished."""
        return {
            "frames_seen": torch.tensor([self.frames_seen, *(self._shape or ())]),
            "object_ids": torch.tensor(self.object_ids),
        }

    @torch.inference_mode()
    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Continues from the state of another segmenter with the same network and options."""
        self.frames_seen, *shape = (int(value) for value in state["frames_seen"])
        self._shape = tuple(shape) or None
        self.object_ids = [int(value) for value in state["object_ids"]]
        if "0.keys" in state:  # saved before frames had several views
            state = {**state, **{f"0.{name}": tensor for name, tensor in state.items()}}
        for number, view in enumerate(self._views):
            own = {name.removeprefix(f"{number}."): state[name] for name in state if name.startswith(f"{number}.")}
            view.bank.restore(own, self._device)
        self._pending = None

    def _check(self, number: int, frame: Frame, mask: Labels | None) -> None:
        if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3:
            raise VisorVosError(
                f"Frame {number} must be uint8 (height, width, 3), RGB, got {frame.dtype} {frame.shape}.",
                "Convert it, for example with PIL's convert('RGB').",
            )
        self._shape = self._shape or frame.shape
        if frame.shape != self._shape:
            raise VisorVosError(
                f"Frame {number} is {_size(frame.shape)}, the first was {_size(self._shape)}.",
                "Resize the frames: all frames of a video must have one size.",
            )
        if mask is not None and (mask.dtype != np.uint8 or mask.shape != frame.shape[:2]):
            raise VisorVosError(
                f"The mask of frame {number} must be uint8 {frame.shape[:2]}, got {mask.dtype} {mask.shape}.",
                "Give masks as uint8 (height, width), of the frame's size.",
            )

    def _look(self, frame: Frame) -> None:
        tensor = frame_tensor(frame, self._device)
        for view in self._views:
            view.look(tensor)

    def _hold(self, found: Tensor, searched: Sequence[int], mask: Labels | None) -> None:
        labels = None if mask is None else mask_tensor(mask, self._device)
        for view in self._views:
            view.hold(found, searched, labels, self.object_ids)

    def _memorize_pending(self) -> None:
        if self._pending is not None:
            for view in self._views:
                view.memorize(*self._pending)
            self._pending = None

    def _find(self, searched: Sequence[int]) -> Tensor:
        """Logits (1, 1 + searched, h, w) of the background and the objects searched for."""
        if not searched:
            image = self._views[0].image
            return image.new_zeros((1, 1, *image.shape[-2:]))
        self.frames_searched += 1
        # An object whose place is known takes nothing from the background elsewhere.
        present = torch.tensor([[object_id in searched for object_id in self.object_ids]], device=self._device)
        logits = average([view.find(present) for view in self._views])
        return logits[:, [0, *(1 + self.object_ids.index(object_id) for object_id in searched)]]

    def _labels(self, logits: Tensor, searched: Sequence[int], shape: Sequence[int]) -> Labels:
        """The most likely id of each pixel at the frame's own size: uint8 (H, W)."""
        if logits.shape[-2:] != tuple(shape):
            logits = interpolate(logits, tuple(shape), mode="bilinear", align_corners=False)
        ids = torch.tensor([0, *searched], dtype=torch.uint8, device=self._device)
        # On a CPU, argmax over planes takes fifteen times as long as max, which breaks ties the same way.
        labels: Labels = ids[logits[0].max(dim=0).indices].cpu().numpy()
        return labels


def _size(shape: Sequence[int]) -> str:
    return f"{shape[1]}x{shape[0]}"
