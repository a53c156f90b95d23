"""Downloads from a server that breaks off, stalls, lies about lengths or changes its files."""

import hashlib

import plate_archives
import pytest
from loopback import Loopback, Mishap
from plate_archives import PLATES, archive_of

from cytobench.datasets.fetching.answers import size_of
from cytobench.datasets.fetching.download import CHUNK, Downloader, part_of, retrieve
from cytobench.datasets.fetching.fetch import fetch_bbbc021
from cytobench.datasets.fetching.mirror import Mirror
from cytobench.datasets.fetching.threads import Halt, HaltedError, UnreachableError, each_on_threads
from cytobench.errors import CytoBenchError

NAME = archive_of(PLATES[0])
CONTENT = plate_archives.archive(PLATES[0])
SIZE = len(CONTENT)
HALF = SIZE // 2


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Loopback({NAME: CONTENT}) as running:
        yield running


@pytest.fixture
def mirror(server):
    return Mirror(url=server.url, tries=3, wait=0.01, timeout=0.5)


@pytest.fixture
def target(tmp_path):
    return tmp_path / NAME


@pytest.fixture
def download(server, mirror, target):
    def call(size=SIZE, arrived=lambda _: None, halt=None, digest=None):
        retrieve(server.url + NAME, target, digest, Downloader(target, mirror, halt or Halt(), arrived, size))
        return target.read_bytes()

    return call


def left_beside(target):
    return sorted(path.name for path in target.parent.iterdir() if path != target)


def test_a_file_arrives_whole_in_one_request(download, server, target):
    assert download() == CONTENT
    assert [(asked.start, asked.sent) for asked in server.gets(NAME)] == [(0, SIZE)]
    assert left_beside(target) == []


@pytest.mark.parametrize("stall", [False, True], ids=["breaks off", "stalls"])
def test_what_has_arrived_is_not_sent_again(download, server, target, stall):
    server.mishaps[NAME] = [Mishap(stop_after=HALF, stall=stall), Mishap(stop_after=HALF // 2, stall=stall)]
    assert download() == CONTENT
    first, second, third = server.gets(NAME)
    assert HALF - CHUNK <= second.start <= HALF
    assert HALF + HALF // 2 - 2 * CHUNK <= third.start <= HALF + HALF // 2
    assert third.start + third.sent == SIZE
    assert left_beside(target) == []


def test_another_call_continues_where_one_gave_up(download, server, target):
    server.mishaps[NAME] = [Mishap(stop_after=HALF), *[Mishap(status=503)] * 3]
    with pytest.raises(
        UnreachableError, match=r"zip: could not be fetched \(its server answers 503 Service Unavailable; 3 tries"
    ):
        download()
    assert not target.exists()
    arrived = part_of(target).read_bytes()
    assert arrived == CONTENT[: len(arrived)] and len(arrived) >= HALF - CHUNK
    assert download() == CONTENT
    assert server.gets(NAME)[-1].start == len(arrived)


def test_tries_count_only_while_nothing_new_comes(download, server):
    server.mishaps[NAME] = [Mishap(stop_after=2 * CHUNK), Mishap(status=500), Mishap(status=429)] * 3
    assert download() == CONTENT
    assert len(server.gets(NAME)) == 10


def test_a_server_without_ranges_sends_the_whole_file(download, server):
    server.mishaps[NAME] = [Mishap(stop_after=HALF), Mishap(ignore_range=True)]
    assert download() == CONTENT
    assert [asked.start for asked in server.gets(NAME)] == [0, 0]


def test_a_server_without_ranges_that_always_breaks_off_is_given_up(download, server, target):
    server.forever[NAME] = Mishap(stop_after=HALF, ignore_range=True)
    with pytest.raises(
        UnreachableError, match=r"\(the connection broke off: .*; 3 tries without a new byte\); what has arrived is k"
    ):
        download()
    assert len(server.gets(NAME)) == 4
    assert not target.exists()


def test_a_server_that_breaks_off_now_earlier_now_later_is_given_up(download, server):
    server.mishaps[NAME] = [Mishap(stop_after=place, ignore_range=True) for place in (HALF, HALF // 2) * 10]
    with pytest.raises(UnreachableError):
        download()
    assert len(server.gets(NAME)) == 4


def test_a_connection_that_closes_early_without_a_length_is_noticed_by_the_size(download, server):
    server.mishaps[NAME] = [Mishap(no_length=True, stop_after=HALF)]
    assert download() == CONTENT
    assert server.gets(NAME)[-1].start == HALF


def test_a_range_that_was_not_asked_for_is_thrown_away(download, server):
    server.mishaps[NAME] = [Mishap(stop_after=HALF), Mishap(shift=7)]
    assert download() == CONTENT
    assert server.gets(NAME)[-1].start == 0


@pytest.mark.parametrize("longer", [1000, -1000])
@pytest.mark.parametrize("size", [SIZE, None], ids=["known", "unknown"])
def test_a_wrong_length_is_never_taken_for_the_file(download, server, target, longer, size):
    server.mishaps[NAME] = [Mishap(longer=longer)]
    if size is None and longer < 0:
        assert download(size) == CONTENT[:longer], "by its own word this is all"
        return
    assert download(size) == CONTENT
    server.forever[NAME] = Mishap(longer=longer)
    target.unlink()
    with pytest.raises(UnreachableError, match=r"a moment ago|broke off"):
        download(size)
    assert not target.exists()


def test_a_short_archive_by_its_servers_own_word_is_no_archive(server, mirror, tmp_path):
    server.files |= plate_archives.tables()
    server.refuses_head = True
    server.forever[NAME] = Mishap(longer=-1000)
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in plate_archives.tables().items()}
    patient = mirror.model_copy(update={"tables": digests})
    with pytest.raises(CytoBenchError, match=f"{NAME}: not a whole zip archive"):
        fetch_bbbc021(tmp_path / "set", plates=PLATES[:1], mirror=patient, progress=False)
    assert not (tmp_path / "set" / PLATES[0]).exists()
    assert list((tmp_path / "set").rglob("*.zip*")) == []


def test_a_file_that_changed_in_between_is_fetched_anew(download, server, target):
    server.mishaps[NAME] = [Mishap(stop_after=HALF), *[Mishap(status=500)] * 3]
    with pytest.raises(UnreachableError):
        download()
    server.files[NAME] = changed = bytes(SIZE)
    assert download() == changed
    assert server.gets(NAME)[-1].start == 0


@pytest.mark.parametrize("extra", [0, 5], ids=["whole", "too long"])
def test_a_part_that_nothing_is_missing_of_is_taken_or_begun_anew(download, server, target, extra):
    part_of(target).write_bytes(CONTENT + bytes(extra))
    assert download() == CONTENT
    assert sum(asked.sent for asked in server.gets(NAME)) == (SIZE if extra else 0)


def test_the_bar_counts_every_byte_once(download, server):
    server.mishaps[NAME] = [Mishap(stop_after=HALF), Mishap(stop_after=HALF, ignore_range=True)]
    counts = []
    assert download(arrived=counts.append) == CONTENT
    assert sum(counts) == SIZE


def test_a_wrong_hash_leaves_nothing(download, target):
    with pytest.raises(ValueError, match="hash"):
        download(digest="0" * 64)
    assert left_beside(target) == [] and not target.exists()


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_refusal_is_not_asked_again(download, server, status):
    server.forever[NAME] = Mishap(status=status)
    with pytest.raises(CytoBenchError, match=rf"{server.url}{NAME}: the server does not give this file \({status} .*use --from"):
        download()
    assert len(server.gets(NAME)) == 1


def test_a_halt_stops_between_chunks_and_keeps_what_came(download, target):
    halt = Halt()
    with pytest.raises(HaltedError):
        download(halt=halt, arrived=lambda count: halt.set() if count else None)
    assert 0 < part_of(target).stat().st_size < SIZE
    assert download() == CONTENT


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://127.0.0.1:9/", "the connection was refused"),
        ("http://a.invalid/", "its host is unknown"),
        ("http://", "it is no valid address"),
    ],
)
def test_no_server_is_one_sentence(url, reason):
    mirror = Mirror(url=url, tries=2, wait=0.01, timeout=2)
    with pytest.raises(
        UnreachableError, match=rf"^.*x\.zip: cannot be reached \({reason}.*\); check the network, name another --m"
    ):
        size_of(mirror.address("x.zip"), mirror, Halt())


def test_the_size_is_asked_of_the_head(server, mirror):
    assert size_of(server.url + NAME, mirror, Halt()) == SIZE
    server.refuses_head = True
    assert size_of(server.url + NAME, mirror, Halt()) is None
    assert server.gets(NAME) == []


def test_pauses_double():
    assert [Mirror(wait=1.5).pause(fruitless) for fruitless in range(4)] == [0, 1.5, 3, 6]


def test_one_failure_stops_no_other_but_an_unreachable_server_does():
    done = []

    def work(item):
        if item == 0:
            raise kind("no")
        done.append(item)

    kind = CytoBenchError
    assert list(each_on_threads(work, range(20), 1, Halt())) == [0]
    assert done == list(range(1, 20))
    kind = UnreachableError
    done.clear()
    assert list(each_on_threads(work, range(20), 1, Halt())) == [0]
    assert done == []


def test_any_other_error_halts_all():
    halt = Halt()
    with pytest.raises(ZeroDivisionError):
        each_on_threads(lambda item: 1 / item, [0], 1, halt)
    assert halt.is_set()
