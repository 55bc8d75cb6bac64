"""Which parts of a command only say how much a server does at once, and how much it tells."""

from __future__ import annotations

import pytest

from policyengine.knowledge.tuning import untuned


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("celery -A shop.celery worker -l info", "celery -A shop worker --loglevel=info --concurrency 20"),
        ("celery --app=shop.celery beat", "celery --app=shop beat"),
        ("gunicorn -w 4 shop.wsgi", "gunicorn --workers=1 --threads 8 shop.wsgi"),
        ("/usr/bin/uvicorn main:app --log-level debug", "/usr/bin/uvicorn main:app"),
        ("bundle exec puma -t 5:5", "bundle exec puma -w 2"),
    ],
)
def test_the_number_of_workers_and_the_log_level_do_not_count(one: str, other: str) -> None:
    assert untuned(one.split()) == untuned(other.split())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("celery -A shop worker", "celery -A shop beat"),
        ("celery -A shop worker -Q mails", "celery -A shop worker"),
        ("celery -A shop.celery worker", "celery -A bills.celery worker"),
        ("gunicorn -c a.py shop.wsgi", "gunicorn -c b.py shop.wsgi"),
        ("uvicorn main:app --reload", "uvicorn main:app --workers 1"),
        ("node server.js -w 4", "node server.js"),
    ],
)
def test_what_a_server_does_counts(one: str, other: str) -> None:
    assert untuned(one.split()) != untuned(other.split())
