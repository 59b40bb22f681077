"""What `make dist` builds: both distributions pass their checks, and hold what they have to hold and nothing else."""

import tarfile
from email import message_from_bytes
from pathlib import Path
from zipfile import ZipFile

import pytest

import tokend
from tests.system.packaging.building import build, copy_sources

pytestmark = pytest.mark.xdist_group("distributions")


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of the two distributions, built in a copy of this one, with node_modules and a .env added."""
    sources = tmp_path_factory.mktemp("distributions") / "sources"
    copy_sources(sources)
    for folder in ("tests/node", "clients/js"):
        (sources / folder / "node_modules/vendor").mkdir(parents=True)
        (sources / folder / "node_modules/vendor/index.js").write_text("")
    (sources / ".env").write_text("SECRET=never-shipped\n")
    assert build("dist.sh", sources).count("PASSED") == 2
    return sources / "dist"


def test_the_source_distribution_holds_tests_and_docs_and_nothing_that_was_installed(dist: Path) -> None:
    (path,) = dist.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"tests/conftest.py", "docs/configuration.md", "clients/python/tokend_client.py", "Makefile"} <= names
    assert [name for name in names if "node_modules" in name or name.endswith((".env", ".pyc"))] == []


def test_the_wheel_holds_the_package_alone_and_says_whose_and_of_which_licence_it_is(dist: Path) -> None:
    (path,) = dist.glob("*.whl")
    with ZipFile(path) as wheel:
        names = wheel.namelist()
        (metadata_name,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        metadata = message_from_bytes(wheel.read(metadata_name))
    assert {name.split("/")[0].removesuffix(".dist-info") for name in names} == {
        "tokend",
        f"tokend-{tokend.__version__}",
    }
    assert "tokend/py.typed" in names
    assert (metadata["Version"], metadata["License-Expression"]) == (tokend.__version__, "Apache-2.0")
    assert metadata["Author"] == "the tokend authors"
    assert "Typing :: Typed" in metadata.get_all("Classifier", [])
