"""The pictures of docs/reading-a-relocation.md are of the runs that they say, and are found when they are stale."""

import importlib.util
import shutil
import sys
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.etree import ElementTree as ET

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("draw_pictures", ROOT / "tools" / "draw_pictures.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def models(tool: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Any:
    return tool.reports(tmp_path_factory.mktemp("runs"))


@pytest.fixture
def copied(tmp_path: Path) -> tuple[Path, Path]:
    shutil.copytree(DOCS / "pictures", tmp_path / "pictures")
    return Path(shutil.copy(DOCS / "reading-a-relocation.md", tmp_path)), tmp_path / "pictures"


def test_the_page_and_its_pictures_are_what_the_runs_say(tool: ModuleType, models: Any):
    assert tool.stale(models, tool.PAGE, tool.FOLDER) == []


def test_a_stale_picture_and_a_stale_caption_are_found_and_drawn_anew(
    tool: ModuleType, models: Any, copied: tuple[Path, Path]
):
    page, folder = copied
    page.write_text(page.read_text().replace("LPAR2 640 ms", "LPAR2 64 ms"))
    (folder / "exchange-map.svg").unlink()
    picture = folder / "cancel-map.svg"
    picture.write_text(picture.read_text().replace("<dc:identifier>", "<dc:identifier>0"))
    digest = next(one for one in tool.PICTURES if one.name == "cancel-map").digest(models["cancel"])
    picture.write_text(picture.read_text().replace(digest, "0" * 64))
    assert tool.stale(models, page, folder) == [page.name, "exchange-map.svg", "cancel-map.svg"]
    tool.write(models, page, folder)
    assert tool.stale(models, page, folder) == []
    assert page.read_text() == (DOCS / "reading-a-relocation.md").read_text()


def test_a_picture_that_nobody_knows_is_refused(tool: ModuleType, models: Any):
    with pytest.raises(SystemExit, match="shows"):
        tool.page("<!-- drawn: nonsense -->\n<!-- end -->", models)


def test_every_picture_is_small_and_stands_in_the_page():
    page = (DOCS / "reading-a-relocation.md").read_text()
    pictures = sorted((DOCS / "pictures").glob("*"))
    assert len(pictures) >= 8
    for path in pictures:
        assert path.stat().st_size < 150_000
        assert f"](pictures/{path.name})" in page
        assert ET.fromstring(path.read_bytes()).tag == "{http://www.w3.org/2000/svg}svg"
