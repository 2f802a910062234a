"""HTML as a tree of elements: what is text stays text, whatever a trace holds.

The standard library's `ElementTree` writes it; nothing here puts markup together from strings.
"""

from xml.etree import ElementTree as ET

Content = ET.Element | str | None
_SVG, _XLINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}"


def tag(name: str, /, *content: Content, **attributes: object) -> ET.Element:
    """An element.

    Args:
        name: of the element.
        content: its elements and texts, in order; None is left out.
        attributes: `_` in a name stands for `-`, one at its end (`class_`) for nothing; None is left out.
    """
    given = {
        key.rstrip("_").replace("_", "-"): _number(value)
        for key, value in attributes.items()
        if value is not None
    }
    element = ET.Element(name, given)
    last: ET.Element | None = None
    for one in content:
        if isinstance(one, str):
            if last is None:
                element.text = (element.text or "") + one
            else:
                last.tail = (last.tail or "") + one
        elif one is not None:
            element.append(one)
            last = one
    return element


def _number(value: object) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def document(root: ET.Element) -> str:
    """The page."""
    return "<!DOCTYPE html>\n" + ET.tostring(root, encoding="unicode", method="html") + "\n"


def inline_svg(drawing: bytes, description: str) -> ET.Element:
    """An SVG that matplotlib drew, to stand in a page: as wide as the page, with no namespace, no address, no metadata.

    Args:
        drawing: the file.
        description: for those who can't see it.
    """
    root = ET.fromstring(drawing)  # noqa: S314 - matplotlib wrote it just now
    used = _used_ids(root)
    for element in root.iter():
        element.tag = element.tag.removeprefix(_SVG)
        for name in list(element.attrib):
            if name.startswith(_XLINK):
                element.set(name.removeprefix(_XLINK), element.attrib.pop(name))
        if element.get("id") not in used:
            element.attrib.pop("id", None)
        for child in list(element):
            if child.tag in (f"{_SVG}metadata", f"{_SVG}title", f"{_SVG}style"):
                element.remove(child)
    for name in ("width", "height", "version"):
        root.attrib.pop(name, None)
    root.set("role", "img")
    root.set("aria-label", description)
    root.set("stroke-linejoin", "round")
    return root


def _used_ids(root: ET.Element) -> frozenset[str]:
    """Ids that something in the drawing refers to."""
    found = set()
    for element in root.iter():
        for value in element.attrib.values():
            if value.startswith("#"):
                found.add(value[1:])
            found.update(part.split(")")[0] for part in value.split("url(#")[1:])
    return frozenset(found)
