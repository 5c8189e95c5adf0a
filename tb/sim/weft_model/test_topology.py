"""Topology files: columns by name, lines, encodings, and errors in one sentence"""

import os
import random
import re

import pytest

from weft_model.topology import COLUMNS, CONVOLUTION, GEMM, KINDS, read_topology

# A line of each kind: the columns that it needs, and what stands there.
NEEDED = {
    GEMM: {"Layer": "fc", "M": "10", "N": "20", "K": "30"},
    CONVOLUTION: {
        "Layer": "conv",
        "IFMAP Height": "28",
        "IFMAP Width": "29",
        "Filter Height": "3",
        "Filter Width": "5",
        "Channels": "16",
        "Num Filter": "32",
        "Strides": "2",
    },
}
# The arguments of a builder that they are.
VALUES = {
    GEMM: {"layer": "fc", "m": 10, "n": 20, "k": 30, "batch_size": 1},
    CONVOLUTION: {
        "layer": "conv",
        "ifmap_height": 28,
        "ifmap_width": 29,
        "filter_height": 3,
        "filter_width": 5,
        "channels": 16,
        "num_filter": 32,
        "stride_height": 2,
        "stride_width": 2,
        "padding": 0,
        "batch_size": 1,
    },
}
HEADING = ", ".join(NEEDED[CONVOLUTION]) + ","


def text_of(cells):
    """Return the text of a file with one layer."""
    return f"{','.join(cells)}\n{','.join(cells.values())}\n"


@pytest.fixture
def read(tmp_path):
    """Return a function that reads text or bytes: the kind and values of each layer."""

    def read(content):
        path = tmp_path / "layers.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_topology(path, {kind: keep(kind) for kind in KINDS})

    def keep(kind):
        return lambda **values: (kind, values)

    return read


@pytest.mark.parametrize("kind", KINDS)
def test_columns_are_found_by_name(kind, read):
    """In any order, case and spacing."""
    source = random.Random(os.environ["SEED"])
    for _ in range(100):
        cells = list(NEEDED[kind].items())
        source.shuffle(cells)
        varied = {}
        for name, cell in cells:
            name = name.replace(" ", source.choice(("", " ", "  ", "_")))
            name = source.choice((str, str.lower, str.upper))(name)
            varied[source.choice(("", " ", "\t")) + name] = cell + source.choice(("", " "))
        assert read(text_of(varied)) == [(kind, VALUES[kind])], varied


def test_optional_columns(read):
    for kind, cells in NEEDED.items():
        given = {"Batch Size": "4", "Sparsity": "1:1"}
        assert read(text_of(given | cells)) == [(kind, VALUES[kind] | {"batch_size": 4})]
        empty = dict.fromkeys(given, "")
        assert read(text_of(cells | empty)) == [(kind, VALUES[kind])]
    padded = text_of({"Padding": "3"} | NEEDED[CONVOLUTION])
    assert read(padded) == [(CONVOLUTION, VALUES[CONVOLUTION] | {"padding": 3})]


def test_separate_strides(read):
    cells = {name: cell for name, cell in NEEDED[CONVOLUTION].items() if name != "Strides"}
    cells |= {"Stride Width": "4", "Stride Height": "3"}
    expected = VALUES[CONVOLUTION] | {"stride_height": 3, "stride_width": 4}
    assert read(text_of(cells)) == [(CONVOLUTION, expected)]


ALIASES = {alias: column for column in COLUMNS for alias in column.aliases}


@pytest.mark.parametrize("alias", ALIASES)
def test_other_names_of_a_column(alias, read):
    column = ALIASES[alias]
    for kind in column.kinds:
        cell = NEEDED[kind].get(column.name, "3:3" if column.name == "Sparsity" else "7")
        cells = NEEDED[kind] | {column.name: cell}
        named = {alias if name == column.name else name: text for name, text in cells.items()}
        assert read(text_of(named)) == read(text_of(cells))


@pytest.mark.parametrize(("kind", "name"), [(kind, n) for kind in KINDS for n in NEEDED[kind]])
def test_a_needed_column_must_be_there(kind, name, read):
    without = {other: cell for other, cell in NEEDED[kind].items() if other != name}
    with pytest.raises(ValueError, match=f"line 1: .* a {kind} file must also have {name}$"):
        read(text_of(without))
    with pytest.raises(ValueError, match=f"line 2: {name} must be .*, not ''$"):
        read(text_of(NEEDED[kind] | {name: ""}))


@pytest.mark.parametrize("ratio", ["1:1", "4:4", "04:4", " 16:16 "])
def test_dense_layers_are_read(ratio, read):
    assert read(text_of(NEEDED[GEMM] | {"Sparsity": ratio})) == [(GEMM, VALUES[GEMM])]


@pytest.mark.parametrize("ratio", ["2:4", "4:1", "1", "0:0", "1:1:1", "1:11", "dense"])
def test_sparse_layers_are_refused(ratio, read):
    sentence = r"line 2: Sparsity must be dense, such as 1:1 \(sparsity is not modelled\), not"
    with pytest.raises(ValueError, match=f"{sentence} '{ratio}'"):
        read(text_of(NEEDED[GEMM] | {"Sparsity": ratio}))


@pytest.mark.parametrize("end", ["", ",", ", ,,", ",#dw", ", a remark", ",,# dw, stride 1,"])
@pytest.mark.parametrize("heading_end", ["", ",", ",,"])
def test_remarks_behind_the_columns_are_ignored(heading_end, end, read):
    text = f"Layer, M, N, K{heading_end}\nfc, 10, 20, 30{end}\n"
    assert read(text) == [(GEMM, VALUES[GEMM])]


@pytest.mark.parametrize("end", [", 2", ", 2,", ",2:4,", ",,7", ",#dw, 2", ", -1", ", .5"])
def test_numbers_behind_the_columns_are_refused(end, read):
    with pytest.raises(ValueError, match=r"line 2: '.*' is in a column that the heading does"):
        read(f"{HEADING}\nconv, 28, 29, 3, 5, 16, 32, 2{end}\n")


def test_numbers_without_a_heading_are_refused(read):
    assert read("Layer,,M,N,K\nfc,,10,20,30\n") == [(GEMM, VALUES[GEMM])]
    with pytest.raises(ValueError, match="line 2: '5' is in a column that the heading does"):
        read("Layer,,M,N,K\nfc,5,10,20,30\n")


def test_blank_lines_are_skipped_and_counted(read):
    text = '\n,,,\nLayer, M, N, K,\n\n fc , 10, 20, 30,\n,,,,\n\t"fc", 10, 20, 30\n\n'
    assert read(text) == [(GEMM, VALUES[GEMM])] * 2
    with pytest.raises(ValueError, match="line 9: M must be"):
        read(text + "fc, x, 20, 30\n")


@pytest.mark.parametrize("title", ["AlphaGoZero,", "Encoder", "# a section,,,"])
def test_titles_are_refused(title, read):
    sentence = (
        f"line 3: '{title.rstrip(',')}' is alone on its line, but each line must be a layer: "
        "Layer, M, N, K"
    )
    with pytest.raises(ValueError, match=sentence):
        read(f"Layer, M, N, K,\nfc, 10, 20, 30,\n{title}\n")


def test_a_name_in_quotes_may_hold_commas_and_quotes(read):
    ((_, values),) = read('Layer, M, N, K\n "a, ""b""", 10, "20", 30\n')
    assert values == VALUES[GEMM] | {"layer": 'a, "b"'}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"], ids=["plain", "byte-order mark"])
def test_any_system_may_have_written_the_file(start, end, read):
    lines = "Layer, M, N, K", "", "Aufmerksamkeit für 注意, 10, 20, 30,"
    ((_, values),) = read(start + end.join(lines).encode())
    assert values == VALUES[GEMM] | {"layer": "Aufmerksamkeit für 注意"}
    with pytest.raises(ValueError, match="line 4: 'a title' is alone on its line"):
        read(start + end.join((*lines, "a title", "")).encode())


ANY_NUMBER = "must be an integer from 1 to 999,999,999,999, not"
HEAD = "Layer, M, N, K\n"
BAD = {
    "empty": ("", "is empty: it needs a heading and a line for each layer"),
    "blank": ("\n , ,\n", "is empty: it needs a heading and a line for each layer"),
    "no layers": (HEAD, "has a heading but no layers: it needs a line for each layer"),
    "unknown column": (
        "Layer, M, N, K, Eh\n",
        "line 1: 'Eh' is not a known column: a GEMM file has Layer, M, N, K, Batch Size, Sparsity; "
        "a convolution file has Layer, IFMAP Height, .* Strides, Stride Height, .*, Padding",
    ),
    "no heading": ("fc, 1, 2, 3\n", "line 1: 'fc' is not a known column"),
    "tabs": ("Layer\tM\tN\tK\n", r"line 1: 'Layer\\tM\\tN\\tK' is not a known column"),
    "twice": (
        "Layer, IFMAP Width, IFMAP Width,\n",
        "line 1: the heading gives the same value twice, as IFMAP Width and as IFMAP Width",
    ),
    "two names": ("Layer, M, N, K, Batch, Batch size\n", "twice, as Batch and as Batch size"),
    "three strides": ("Strides, Stride Width\n", "twice, as Strides and as Stride Width"),
    "sparsity twice": ("Sparsity, M, sparsity\n", "twice, as Sparsity and as sparsity"),
    "both kinds": (
        "Layer, M, N, K, Strides\n",
        "line 1: M belongs to GEMM files and Strides to convolution files: a file is of one kind",
    ),
    "no sizes": ("Layer, Batch\n", "line 1: .* a GEMM file must also have M, N, K$"),
    "one stride": (
        HEADING.replace("Strides", "Stride Height"),
        "line 1: the heading of a convolution file must also have Stride Width$",
    ),
    "word": (f"{HEAD}a, 1, 2, 3\nb, 1, x, 3\n", f"line 3: N {ANY_NUMBER} 'x'"),
    "zero": (f"{HEAD}a, 1, 0, 3\n", f"line 2: N {ANY_NUMBER} '0'"),
    "negative": (f"{HEAD}a, 1, -2, 3\n", f"line 2: N {ANY_NUMBER} '-2'"),
    "fraction": (f"{HEAD}a, 1, 2.0, 3\n", f"line 2: N {ANY_NUMBER} '2.0'"),
    "exponent": (f"{HEAD}a, 1, 1e3, 3\n", f"line 2: N {ANY_NUMBER} '1e3'"),
    "underscore": (f"{HEAD}a, 1, 1_0, 3\n", f"line 2: N {ANY_NUMBER} '1_0'"),
    "digits of another script": (f"{HEAD}a, 1, ٣, 3\n", f"line 2: N {ANY_NUMBER} '٣'"),
    "13 digits": (f"{HEAD}a, 1, 1000000000000, 3\n", f"line 2: N {ANY_NUMBER} '1000000000000'"),
    "5000 digits": (f"{HEAD}a, 1, {5000 * '9'}, 3\n", rf"line 2: N {ANY_NUMBER} '9+\.\.\.9+'$"),
    "5000 zeros": (f"{HEAD}a, 1, {5000 * '0'}1, 3\n", f"line 2: N {ANY_NUMBER} '000"),
    "200,000 digits": (f"{HEAD}a, {200_000 * '1'}", "line 2: field larger than field limit"),
    "negative padding": (
        text_of(NEEDED[CONVOLUTION] | {"Padding": "-1"}),
        "line 2: Padding must be an integer from 0 to 999,999,999,999, not '-1'",
    ),
    "Latin-1": (
        f"{HEAD}a, 1, 2, 3\r\ncaf\xe9, 1, 2, 3\r".encode("latin-1"),
        "line 3: the file must be UTF-8, but this line has the invalid byte 0xe9",
    ),
    "Latin-1 behind a mark": (
        b"\xef\xbb\xbf" + f"{HEAD}\rcaf\xe9, 1, 2, 3".encode("latin-1"),
        "line 3: the file must be UTF-8",
    ),
    "UTF-16": (
        HEAD.encode("utf-16"),
        "line 1: the file must be UTF-8, but this line has the invalid byte 0xff",
    ),
    "UTF-16 without a mark": (HEAD.encode("utf-16-le"), "line 1: .* UTF-8 text, .* a NUL byte"),
    "NUL": (
        f"{HEAD}a, 1, 2, 3\0\n",
        "line 2: the file must be UTF-8 text, but this line has a NUL byte",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_are_refused_in_one_sentence(name, read):
    content, sentence = BAD[name]
    with pytest.raises(ValueError, match=sentence) as caught:
        read(content)
    said = str(caught.value)
    assert "\n" not in said and len(re.sub(r"^\S*", "", said)) < 400


def test_folders_and_absent_files_are_errors_of_the_system(tmp_path):
    for path in (tmp_path, tmp_path / "absent.csv"):
        with pytest.raises(OSError) as caught:
            read_topology(path, {})
        assert str(caught.value.filename) == str(path)
