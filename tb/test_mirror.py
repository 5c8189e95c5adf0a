"""Tests mirror the sources: the path of a component gives the path of its bench."""

import pytest

from benches.repository import ROOT

# Components that the bench of another component tests, because they do nothing useful alone.
ELSEWHERE = {
    "bus/burst_beats.py": "bus/test_axi_memory.py",
    "bus/burst_splitter.py": "bus/test_line_reader.py",
    "bus/region_check.py": "bus/test_line_walk.py",
    "bus/row_aligner.py": "bus/test_line_reader.py",
    "bus/word_memory.py": "bus/test_axi_memory.py",
    "core/core.py": "core/test_axi_core.py",
    "core/header_check.py": "core/test_program_fetch.py",
    "core/load_writer.py": "core/test_load_unit.py",
    "core/processor.py": "core/test_axi_core.py",
    "core/tile_reader.py": "core/test_weights_unit.py",
    "core/tile_transposer.py": "core/test_weights_unit.py",
    "core/tile_walk.py": "core/test_weights_unit.py",
    "host_link/byte_mover.py": "host_link/test_host_link.py",
    "host_link/frame_check.py": "host_link/test_framing.py",
    "host_link/frame_receiver.py": "host_link/test_framing.py",
    "host_link/frame_transmitter.py": "host_link/test_framing.py",
    "host_link/matrix_unit_streams.py": "host_link/test_matrix_unit_host.py",
    "host_link/request_buffer.py": "host_link/test_host_link.py",
    "host_link/response_buffer.py": "host_link/test_host_link.py",
    "primitives/ecp5.py": "primitives/test_multiplier.py",
    "primitives/ice40.py": "array/test_row.py",
    "vector/lane.py": "vector/test_lanes.py",
}
SOURCES, BENCHES = ROOT / "hw" / "weft", ROOT / "tb" / "hw"
COMPONENTS = [
    path.relative_to(SOURCES)
    for path in sorted(SOURCES.rglob("*.py"))
    if "(wiring.Component)" in path.read_text()
]


@pytest.mark.parametrize("source", COMPONENTS, ids=str)
def test_every_component_has_a_bench_of_its_name(source):
    mirrored = source.parent / f"test_{source.name}"
    bench = BENCHES / ELSEWHERE.get(source.as_posix(), mirrored)
    assert bench.is_file()
    assert "@cocotb.test" in bench.read_text() or "simulate(" in bench.read_text()


def test_exceptions_have_no_bench_of_their_own():
    assert len(COMPONENTS) > 30
    assert set(ELSEWHERE) <= {source.as_posix() for source in COMPONENTS}
    for source in ELSEWHERE:
        name = source.rpartition("/")[2]
        assert not (BENCHES / source).with_name(f"test_{name}").exists()
