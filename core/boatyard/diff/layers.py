"""Which layers differ, and how: changed, moved, gone, new."""

import difflib
from collections.abc import Iterator
from typing import Final, Literal

from boatyard import key
from boatyard.diff.fields import changes
from boatyard.diff.files import count, file_changes, tree_of
from boatyard.diff.model import Difference, FileChange, Side
from boatyard.sdk_words import call
from boatyard.spec import Layer, kind_of

_ALIKE: Final = 0.6
"""From this similarity of their calls on, a layer here and one elsewhere are one that moved and changed."""


def layer_differences(before: Side, after: Side) -> Iterator[Difference]:
    old, new = before.spec.layers, after.spec.layers
    old_ids = [key.layer_identity(layer, before.context) for layer in old]
    new_ids = [key.layer_identity(layer, after.context) for layer in new]
    pairs, gone, come = _matched(old, old_ids, new, new_ids)
    moved: list[tuple[int, int]] = []
    for i in list(gone):
        twin = next((j for j in come if new_ids[j] == old_ids[i]), None)
        if twin is not None:
            moved.append((i, twin))
            gone.remove(i)
            come.remove(twin)
    for i in list(gone):
        like = next((j for j in come if _alike(old[i], new[j])), None)
        if like is not None:
            pairs.append((i, like))
            gone.remove(i)
            come.remove(like)
    for i, j in sorted(pairs):
        yield _changed(before, i, after, j)
    for i, j in moved:
        text = f"{call(old[i])} moved from layer {i} to layer {j}"
        yield Difference(what="order", text=text, layer_before=i, layer_after=j)
    for i in gone:
        yield Difference(what="layer", text=f"layer {i} is gone: {call(old[i])}", before=call(old[i]), layer_before=i)
    for j in come:
        yield Difference(what="layer", text=f"layer {j} is new: {call(new[j])}", after=call(new[j]), layer_after=j)


def _alike(old: Layer, new: Layer) -> bool:
    if kind_of(old) != kind_of(new):
        return False
    return difflib.SequenceMatcher(None, call(old), call(new), autojunk=False).ratio() >= _ALIKE


def _matched(
    old: tuple[Layer, ...], old_ids: list[str], new: tuple[Layer, ...], new_ids: list[str]
) -> tuple[list[tuple[int, int]], list[int], list[int]]:
    """Changed layers as pairs of one kind between the equal ones; then those without a partner."""
    pairs: list[tuple[int, int]] = []
    gone: list[int] = []
    come: list[int] = []
    matcher = difflib.SequenceMatcher(None, old_ids, new_ids, autojunk=False)
    elsewhere = set(old_ids) & set(new_ids)
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag == "equal":
            continue
        waiting = list(range(j1, j2))
        for i in range(i1, i2):
            if old_ids[i] in elsewhere:
                gone.append(i)
                continue
            partner = next(
                (j for j in waiting if kind_of(new[j]) == kind_of(old[i]) and new_ids[j] not in elsewhere), None
            )
            if partner is None:
                gone.append(i)
            else:
                # Layers stay in order: whatever comes before the partner has none.
                come += [j for j in waiting if j < partner]
                waiting = [j for j in waiting if j > partner]
                pairs.append((i, partner))
        come += waiting
    return pairs, gone, come


def _changed(before: Side, i: int, after: Side, j: int) -> Difference:
    old, new = before.spec.layers[i], after.spec.layers[j]
    first, second = call(old), call(new)
    details = tuple(changes(old, new))
    files = tuple(change for change in _layer_files(before, old, after, new))
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
