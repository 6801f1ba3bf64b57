"""The commands. A file each, but one for both stages of training, says how the result is shown.

To add a command: its options in ``settings``, its work in ``core/jobs``, a file here, and a line in `COMMANDS`.
"""

from __future__ import annotations

from visorvos.cli.command import Command
from visorvos.cli.commands import (
    annotate,
    benchmark,
    compare,
    demo,
    download_weights,
    evaluate,
    export,
    predict,
    prepare,
    preview,
    training,
)
from visorvos.settings.annotate import AnnotateSettings
from visorvos.settings.benchmark import BenchmarkSettings
from visorvos.settings.compare import CompareSettings
from visorvos.settings.demo import DemoSettings
from visorvos.settings.download_weights import DownloadWeightsSettings
from visorvos.settings.evaluate import EvaluateSettings
from visorvos.settings.export import ExportSettings
from visorvos.settings.finetune import FinetuneSettings
from visorvos.settings.predict import PredictSettings
from visorvos.settings.prepare import PrepareSettings
from visorvos.settings.pretrain import PretrainSettings
from visorvos.settings.preview import PreviewSettings

COMMANDS = (
    Command("prepare", PrepareSettings, prepare.show, "--release 2v6cgv1x04ol22qp9rm9x2j6a7.zip --output data"),
    Command("preview", PreviewSettings, preview.show, "--data data/VISOR_2022 --split val --frames 24"),
    Command("pretrain", PretrainSettings, training.show, "--coco coco --output stage1 --validate-on data/VISOR_2022"),
    Command(
        "finetune", FinetuneSettings, training.show, "--data VISOR_2022 --weights stage1/best.safetensors --output run"
    ),
    Command("predict", PredictSettings, predict.show, "frames/ --masks first.png --weights visor.pth --output result"),
    Command("annotate", AnnotateSettings, annotate.show, "clip.mp4 --weights visor.pth --output clip-session"),
    Command(
        "evaluate", EvaluateSettings, evaluate.show, "--data VISOR_2022 --split val --weights visor.pth --output scores"
    ),
    Command("compare", CompareSettings, compare.show, "scores-before scores-after --output comparison.html"),
    Command("download-weights", DownloadWeightsSettings, download_weights.show, "visor-resnet50"),
    Command("export", ExportSettings, export.show, "scores --data data/VISOR_2022 --output val.zip"),
    Command("demo", DemoSettings, demo.show, "--output demo"),
    Command(
        "benchmark", BenchmarkSettings, benchmark.show, "--only inference --backbone resnet50 --objects 1 --objects 4"
    ),
)
"""In the order of ``visorvos --help``."""
