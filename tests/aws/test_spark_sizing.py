import pytest
from hypothesis import given
from hypothesis import strategies as st

from a360 import aws
from a360.errors import UsageError

RATES = aws.Rates(
    {"silver": aws.Rate(5_000, 500, 1_500), "gold": aws.Rate(50_000, 200, 1_000)},
    {"silver": 50_000, "gold": 400_000},
    seconds_to_start=10,
    seconds_per_step=2,
    measured={},
)
ROWS = st.integers(0, 10**11)
WORK = st.lists(
    st.builds(
        aws.Work, st.just("silver.x"), st.sampled_from(["silver", "gold"]), ROWS, ROWS, st.integers(0, 10**6)
    ),
    max_size=8,
)
MOST = st.integers(8, 4000)
MINUTES = st.floats(1, 10_080)


def proposed(work, most, minutes=30.0):
    return aws.propose(work, max_vcpus=most, minutes=minutes, rates=RATES)


@given(WORK, MOST, MINUTES)
def test_every_proposal_is_one_that_emr_serverless_offers(work, most, minutes):
    """Whatever is to be done, workers are within the limits of the service, and all of them within ours."""
    sizing = proposed(work, most, minutes)
    for worker in (sizing.driver, sizing.executor):
        shape = aws.SHAPES[worker.vcpus]
        assert shape.least <= worker.memory_gb <= shape.most
        assert (worker.memory_gb - shape.least) % shape.step == 0
        assert 20 <= worker.disk_gb <= 200
    assert sizing.executors >= 1
    assert sizing.vcpus <= most


@given(WORK, MOST, st.integers(1, 10**9), st.floats(1, 100))
def test_more_work_or_less_time_never_takes_fewer_vcpus(work, most, more, sooner):
    """Executors grow with the rows, and as the time that is given shrinks."""

    def executors(sizing):
        return sizing.executors * sizing.executor.vcpus

    now = executors(proposed(work, 4000, 120))
    assert now <= executors(proposed([*work, aws.Work("gold.y", "gold", more)], 4000, 120 + 2 / 60))
    assert now <= executors(proposed(work, 4000, 120 / sooner))
    assert executors(proposed(work, most)) <= executors(proposed(work, 4000))


@given(WORK, MOST, MINUTES)
def test_a_proposal_says_when_it_will_not_do(work, most, minutes):
    """Where the time is missed though more workers would help, the proposal says what holds it back."""
    sizing = proposed(work, most, minutes)
    busy = sum(each.rows / RATES.spark[each.kind].rows_per_second for each in work)
    serial = sizing.seconds - busy / (0.6 * sizing.executors * sizing.executor.vcpus)
    late = sizing.seconds > max(minutes * 60, serial + 60) * 1.001
    assert late <= any("maxVcpus" in reason for reason in sizing.reasons)


def test_a_billion_rows_are_reckoned_by_hand():
    """10^9 rows at 5,000 a vCPU are 200,000 vCPU seconds: 60 minutes less 132 s, at 60 %, take 97 vCPUs."""
    sizing = proposed([aws.Work("silver.observation", "silver", 10**9, files=60_000)], 256, 60)
    assert (sizing.executors, sizing.executor.vcpus, sizing.executor.memory_gb) == (13, 8, 16)
    assert sizing.driver == aws.Worker(4, 16)
    assert sizing.duckdb_core_seconds == 20_000


@pytest.mark.parametrize(
    "worker", [(3, 8, 20), (4, 7, 20), (4, 31, 20), (8, 18, 20), (16, 120, 201), (1, 2, 19)]
)
def test_a_worker_that_is_not_offered_cannot_be_asked_for(worker):
    """vCPUs, memory and disk outside the limits are an error that lists them."""
    with pytest.raises(UsageError, match="16 vCPUs: 32 to 120 GB by 8"):
        aws.Worker(*worker)


def test_the_rates_that_come_along_were_measured():
    """The package's own rates are whole, positive, and say how and when they came to be."""
    rates = aws.measured_rates()
    assert all(each.rows_per_second > 0 and each.task_memory_mib > 0 for each in rates.spark.values())
    assert rates.duckdb.keys() == rates.spark.keys() == {"silver", "gold"}
    assert all(rates.measured.get(name) for name in ("on", "machine", "by"))


class Step:
    def __init__(self, dataset, kind, upstream):
        self.dataset, self.kind, self.upstream = dataset, kind, upstream


def test_silver_steps_share_what_landed_and_gold_steps_read_whole_tables():
    """Rows that landed are counted once over all silver datasets, upstream rows in each gold model."""
    steps = [
        Step("silver.patient", "silver", ("bronze.fhir_resource",)),
        Step("silver.observation", "silver", ("bronze.fhir_resource",)),
        Step("silver.note", "silver", ("bronze.fhir_resource",)),
        Step("gold.facts", "gold", ("silver.patient", "silver.observation")),
    ]
    volumes = {
        "bronze.fhir_resource": aws.Volume(1_000, 10, 3),
        "silver.patient": aws.Volume(100, 5, 1),
        "silver.observation": aws.Volume(0),
    }
    assert [each.rows for each in aws.work_of(steps, volumes)] == [100, 450, 450, 100]
    told = [
        {"namespace": "silver", "name": "patient", "rows": 100, "bytes": 5, "files": 1, "snapshot_id": "1"}
    ]
    assert aws.volumes_of(told) == {"silver.patient": aws.Volume(100, 5, 1)}
    for wrong in ([1], [{"name": "x"}], "text", None):
        with pytest.raises(UsageError):
            aws.volumes_of(wrong)
