"""`Remembered`: what was not used for the longest time makes room."""

from tokend.core.remembered import Remembered


def test_what_was_used_last_stays() -> None:
    kept = Remembered[str, int](30)
    for number, name in enumerate("abc"):
        kept.keep(name, number, 10)
    assert kept.get("a") == 0
    kept.keep("d", 3, 10)
    assert [kept.get(name) for name in "abcd"] == [0, None, 2, 3]


def test_a_large_value_takes_the_room_of_several() -> None:
    kept = Remembered[str, int](30)
    for number, name in enumerate("abc"):
        kept.keep(name, number, 10)
    kept.keep("d", 3, 20)
    assert [kept.get(name) for name in "abcd"] == [None, None, 2, 3]


def test_one_that_is_larger_than_all_room_is_not_kept_and_evicts_nothing() -> None:
    kept = Remembered[str, int](30)
    kept.keep("a", 0, 10)
    kept.keep("b", 1, 31)
    assert (kept.get("a"), kept.get("b"), len(kept)) == (0, None, 1)


def test_a_value_that_is_kept_again_or_forgotten_frees_its_room() -> None:
    kept = Remembered[str, int](30)
    for number in range(10):
        kept.keep("a", number, 20)
    kept.keep("b", 1, 10)
    assert (kept.get("a"), kept.get("b")) == (9, 1)
    kept.forget("a")
    kept.forget("a")
    kept.keep("c", 2, 20)
    assert [kept.get(name) for name in "abc"] == [None, 1, 2]
