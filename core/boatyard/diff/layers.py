"""Finds which layers were changed, moved, removed or added."""

import difflib
from collections.abc import Callable, Iterator
from typing import Final, Literal

from boatyard import key
from boatyard.diff.fields import changes
from boatyard.diff.files import count, file_changes, tree_of
from boatyard.diff.model import Difference, FileChange, Side
from boatyard.sdk_words import call
from boatyard.spec import Layer, kind_of

_ALIKE: Final = 0.6
"""Minimum similarity of two calls for them to count as one layer that was moved and changed."""


def layer_differences(before: Side, after: Side) -> Iterator[Difference]:
    old, new = before.spec.layers, after.spec.layers
    old_ids = [key.layer_identity(layer, before.context) for layer in old]
    new_ids = [key.layer_identity(layer, after.context) for layer in new]
    gaps_old, gaps_new = _gaps(old_ids, new_ids)
    gone, come = list(gaps_old), list(gaps_new)
    moved = _take_pairs(gone, come, lambda i, j: old_ids[i] == new_ids[j])
    changed = _take_pairs(gone, come, lambda i, j: gaps_old[i] == gaps_new[j] and kind_of(old[i]) == kind_of(new[j]))
    changed += _take_pairs(gone, come, lambda i, j: _alike(old[i], new[j]))
    for i, j in sorted(changed):
        yield _changed(before, i, after, j)
    for i, j in moved:
        text = f"{call(old[i])} moved from layer {i} to layer {j}"
        yield Difference(what="order", text=text, layer_before=i, layer_after=j)
    for i in gone:
        yield Difference(
            what="layer", text=f"layer {i} was removed: {call(old[i])}", before=call(old[i]), layer_before=i
        )
    for j in come:
        yield Difference(what="layer", text=f"layer {j} is new: {call(new[j])}", after=call(new[j]), layer_after=j)


def _gaps(old: list[str], new: list[str]) -> tuple[dict[int, int], dict[int, int]]:
    """The layers outside the longest common sequence, each with the number of common ones before it."""
    lengths = [[0] * (len(new) + 1) for _ in range(len(old) + 1)]
    for i in reversed(range(len(old))):
        for j in reversed(range(len(new))):
            same = lengths[i + 1][j + 1] + 1 if old[i] == new[j] else 0
            lengths[i][j] = max(same, lengths[i + 1][j], lengths[i][j + 1])
    gone: dict[int, int] = {}
    come: dict[int, int] = {}
    i = j = common = 0
    while i < len(old) or j < len(new):
        if i < len(old) and j < len(new) and old[i] == new[j]:
            i, j, common = i + 1, j + 1, common + 1
        elif j == len(new) or (i < len(old) and lengths[i + 1][j] >= lengths[i][j + 1]):
            gone[i] = common
            i += 1
        else:
            come[j] = common
            j += 1
    return gone, come


def _take_pairs(gone: list[int], come: list[int], fits: Callable[[int, int], bool]) -> list[tuple[int, int]]:
    """Removes matching layers from both lists, each with the first that matches."""
    pairs: list[tuple[int, int]] = []
    for i in list(gone):
        partner = next((j for j in come if fits(i, j)), None)
        if partner is not None:
            pairs.append((i, partner))
            gone.remove(i)
            come.remove(partner)
    return pairs


def _alike(old: Layer, new: Layer) -> bool:
    if kind_of(old) != kind_of(new):
        return False
    return difflib.SequenceMatcher(None, call(old), call(new), autojunk=False).ratio() >= _ALIKE


def _changed(before: Side, i: int, after: Side, j: int) -> Difference:
    old, new = before.spec.layers[i], after.spec.layers[j]
    first, second = call(old), call(new)
    # Lists, for on Python 3.10 what a generator leaves empty is not the () that msgspec omits.
    details = tuple(list(changes(old, new)))
    files = tuple(list(_layer_files(before, old, after, new)))
    place = f"layer {i}" if i == j else f"layer {i}, now {j}"
    if first != second:
        text = f"{place}: {first} → {second}"
    elif details:
        text = f"{place}: {first}: {'; '.join(details)}"
    else:
        text = f"{place}: {first}: its files differ{count(files)}"
    what: Literal["layer", "files"] = "layer" if details or first != second else "files"
    return Difference(
        what=what, text=text, before=first, after=second, layer_before=i, layer_after=j, details=details, files=files
    )


def _layer_files(before: Side, old: Layer, after: Side, new: Layer) -> Iterator[FileChange]:
    for path in key.paths_of(new):
        if path in key.paths_of(old) and tree_of(path, before) != tree_of(path, after):
            yield from file_changes(path, before, after)
