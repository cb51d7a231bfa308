from __future__ import annotations

import subprocess
import sys

import pytest

from skillbank.config import StorageSettings
from skillbank.errors import RequestInvalid
from skillbank.files.local import LocalStore
from skillbank.files.opening import Stores
from skillbank.files.s3 import S3Store


def test_a_path_and_a_uri_of_a_file_are_of_one_store() -> None:
    stores = Stores()

    assert isinstance(stores.of("/data/x"), LocalStore)
    assert stores.of("file:///data/x") is stores.of("/data/x")


def test_the_longest_prefix_tells_how_a_bucket_is_reached() -> None:
    everything = StorageSettings(endpoint_url="http://everything")
    team = StorageSettings(prefix="s3://team/", endpoint_url="http://team")
    stores = Stores((everything, team))

    assert stores.settings_of("s3://team/x") == team
    assert stores.settings_of("s3://teams/x") == everything
    assert isinstance(stores.of("s3://team/x"), S3Store)
    assert stores.of("s3://team/x") is stores.of("s3://team/y")
    assert stores.of("s3://team/x") is not stores.of("s3://other/x")


def test_a_bucket_that_no_settings_name_is_reached_as_by_every_tool_of_aws() -> None:
    assert Stores().settings_of("s3://b/k") == StorageSettings()


def test_another_scheme_is_refused_with_what_to_do() -> None:
    with pytest.raises(RequestInvalid, match=r"'gs' cannot be reached; expected a path or 's3://"):
        Stores().of("gs://bucket/key")


@pytest.mark.parametrize("uri", ["s3://", "s3:///key"])
def test_a_uri_without_a_bucket_is_refused(uri: str) -> None:
    with pytest.raises(RequestInvalid, match="names no bucket"):
        Stores().of(uri).stat(uri)


def test_a_folder_cannot_be_written_as_a_file() -> None:
    with pytest.raises(RequestInvalid, match="names a folder"):
        Stores().of("s3://b/k/").write("s3://b/k/", b"")


def test_a_missing_extra_is_named() -> None:
    code = """
import sys
sys.modules["boto3"] = sys.modules["botocore"] = None
from skillbank.errors import RequestInvalid
from skillbank.files.opening import Stores
try:
    Stores().of("s3://b/k")
except RequestInvalid as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert "s3://b/k: a bucket needs the extra 's3': pip install 'skillbank[s3]'" in done.stdout


def test_opening_a_folder_loads_no_boto3() -> None:
    code = """
import sys
from skillbank.files.opening import Stores
Stores().of("/data").stat("/data/x")
print([name for name in ("boto3", "botocore", "pydantic", "yaml") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.stdout == "[]\n"
