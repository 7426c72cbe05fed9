"""Archives that would fill the memory, or end in a traceback, are refused in one line."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SAID = {
    "nb301 deflate": "is larger than",
    "nb301 bz2": "is compressed by method bzip2, only deflate is read",
    "pth lzma": "is compressed by method lzma, only deflate is read",
    "nb301 method 93": "is compressed by method 93",
    "nb301 method 99": "is compressed by method 99",
    "nb301 encrypted": "is encrypted: decrypt the archive first",
    "nb301 patched": "cannot be read: compressed patched data",
    "nb301 name of no letters": "cannot be read: 'utf-8' codec can't decode",
    "pth method 93": "is compressed by method 93",
    "pth encrypted": "is encrypted: decrypt the archive first",
    "pth name of no letters": "cannot be read: 'utf-8' codec can't decode",
    "pth marks": "holds more than 1024 containers inside each other",
    "pth nothing": "holds more than 1048576 containers",
    "pth sets": "holds more than 1048576 containers",
    "pth memo": "holds more than 4,194,304 values at a time",
    "pth module": "which is not allowed here",
    "nats": "it is nothing but zeros",
    "tar bz2": "becomes larger than 67,108,864 bytes when it is decompressed",
    "tar xz": "becomes larger than 67,108,864 bytes when it is decompressed",
    "tar name": "has a name or header of more than 1,048,576 bytes",
    "tar member": "becomes larger than 67,108,864 bytes when it is decompressed",
    "newlines csv": "comes after 65,536 blank ones",
    "newlines jsonl": "comes after 65,536 blank ones",
    "row without end": "is longer than 16,777,216 characters",
    "json deep": "are nested too deep",
    "macro deep": "are nested more than 64 deep",
    "json digits": "is not a JSON file, or is damaged",
    "macro digits": "is not a JSON file, or is damaged",
    "long name": "a file whose name has 40,014 characters, most are 1,024",
    "escape": "rs\\x1b[31m/results_1.json must lie in a folder named after its optimizer",
    "hdf5 chunks": "n_params is stored in chunks that are larger than its numbers",
    "hdf5 name": "is not a configuration",
    "page fcnet.h5": "is an HTML page, not a published HDF5 file",
    "page fcnet.json": "is an HTML page, not a wheel",
    "page fcnet.whl": "is an HTML page, not a wheel",
}


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited as Linux does")
def test_what_becomes_huge_is_refused_in_one_line(tmp_path: Path) -> None:
    script = Path(__file__).with_name("bombs.py")
    command = [sys.executable, str(script), str(tmp_path), "512"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found = json.loads(done.stdout)
    assert found.pop("left") == [0, "", 0]
    assert found.keys() == SAID.keys()
    for name, said in SAID.items():
        code, output, grown = found[name]
        assert (code, output.count("\n")) == (2, 1), (name, output)
        assert said in output, name
        assert len(output) < 1000, name
        assert output.strip().isprintable(), name
        assert grown < 256, name
