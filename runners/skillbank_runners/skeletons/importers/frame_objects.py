"""Objects of a JSON file, however they come: in a list, in lines, in a list inside an object."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from skillbank_runners.skeletons.importers.fields import Mapping, Spot, as_mapping
from skillbank_runners.skeletons.json_elements import Element, json_elements


def frame_objects(path: Path, list_key: str) -> Iterator[tuple[Element, Mapping, Spot]]:
    """Objects of a list, of lines, or of the list under a key of one object; whole, one by one.

    Args:
        path: Of the file.
        list_key: Member that holds the list; what stands beside it is passed over.

    Raises:
        PoseFileInvalid: Something in their place is no object.
    """
    whole: Mapping = {}
    begin = Element(0, "", -1, 0, None)
    has_list = False
    for element in json_elements(path, {list_key}):
        if whole and element.document != begin.document:
            yield begin, whole, _spot(path, begin)
            whole = {}
        if element.place >= 0:
            has_list = True
            yield element, as_mapping(element.value, _spot(path, element)), _spot(path, element)
        elif not element.key:
            raise _spot(path, element).invalid("found no object, expected objects of frames")
        else:
            begin = begin if whole else element
            whole[element.key] = element.value
    if whole and not has_list:
        yield begin, whole, _spot(path, begin)


def _spot(path: Path, element: Element) -> Spot:
    return Spot(path, f"byte {element.offset}")
