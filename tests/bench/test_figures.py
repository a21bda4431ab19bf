"""Figures: that what is compared is what the tables say, and that no lie gets into them."""

from __future__ import annotations

import pytest
from rich.console import Console

from bench.client_list import BY_NAME
from bench.figures import Results, ratio
from bench.measurement import Measurement, Tally, quantiles
from bench.report import report
from bench.tables import table
from bench.task import Item, Task

CONSUME = Item(work='consume')
CPU = {'raw': 1.0, 'threads': 2.0, 'librabbitmq': 4.0, 'pika_select': 20.0, 'py_amqp': 40.0}


def run(microseconds: float) -> Measurement:
    """One run of 1,000 messages, of so much CPU each."""
    return Measurement(1000, seconds=1.0, user=microseconds / 1000, peak=1 << 20)


@pytest.fixture
def results() -> Results:
    results = Results()
    for name, cpu in CPU.items():
        results.row(BY_NAME[name], CONSUME).runs += [run(3 * cpu), run(cpu), run(0.5 * cpu)]
    return results


def test_a_figure_is_the_median_and_what_it_lies_between(results: Results) -> None:
    assert results.row(BY_NAME['threads'], CONSUME).costs == pytest.approx((2, 1, 6))


def test_ratios_are_to_the_c_client_the_best_pure_peer_and_the_raw_socket(results: Results) -> None:
    row = results.row(BY_NAME['threads'], CONSUME)
    found = [ratio(row, reference) for reference in results.references(CONSUME).values()]
    assert found == pytest.approx([0.5, 0.1, 2])


def test_ours_not_compiled_is_no_peer(results: Results) -> None:
    results.row(BY_NAME['pure'], CONSUME).runs.append(run(5))
    best = results.best_pure_peer(CONSUME)
    assert best is not None
    assert best.client.name == 'pika_select'


def test_where_messages_wait_for_each_other_latency_is_compared() -> None:
    results, each = Results(), Item(work='confirm-each')
    watched = run(90)
    watched.latencies = {'p50': 0.0002}
    results.row(BY_NAME['threads'], each).runs.append(watched)
    assert results.row(BY_NAME['threads'], each).cost == pytest.approx(200)


def test_who_cannot_do_it_has_no_ratio(results: Results) -> None:
    row = results.row(BY_NAME['rabbitpy'], CONSUME)
    row.unable = 'too slow'
    assert ratio(row, results.reference(CONSUME, 'raw')) is None
    assert report(results, {}, '3.10')['rows'][-1]['cost'] is None


def test_the_table_has_the_cheapest_first(results: Results) -> None:
    console = Console(width=130, record=True)
    console.print(table(results, CONSUME))
    text = console.export_text()
    places = [text.index(BY_NAME[name].label) for name in CPU]
    assert places == sorted(places)


def test_quantiles() -> None:
    latencies = [number / 1000 for number in range(1001)]
    assert quantiles(latencies[::-1]) == {'p50': 0.5, 'p99': 0.99, 'p99.9': 0.999}


@pytest.mark.parametrize('bodies', [[b'abc'], [b'abc', b'abc', b'abc'], [b'abc', b'ab']])
def test_a_tally_that_is_not_as_it_should_be_is_an_error(bodies: list[bytes]) -> None:
    task = Task(work='consume', size=3, messages=2, url='', queue='')
    tally = Tally(task, lambda: None)
    for body in bodies:
        tally.take(body)
    with pytest.raises(RuntimeError, match=f'received {len(bodies)} messages'):
        tally.check()
