"""The port at which the nginx of an image listens, against the one to which requests are sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import trees

if TYPE_CHECKING:
    from pathlib import Path

COMPOSE = "services:\n  web:\n    build: .\n    ports: ['3000:3000']\n%s"
COPIED = "FROM nginx:1.29\nCOPY nginx.conf %s\n"
ELSEWHERE = "    volumes: ['./nginx.conf:/etc/nginx/conf.d/default.conf:ro']\n"


@pytest.mark.parametrize(
    ("dockerfile", "settings", "more", "heard"),
    [
        ("FROM nginx:1.29\nCOPY . /usr/share/nginx/html\n", "", "", ["80"]),
        ("FROM nginxinc/nginx-unprivileged:1.29\n", "", "", ["8080"]),
        (COPIED % "/etc/nginx/conf.d/default.conf", "server {\n  listen 8081;\n  listen [::]:8081;\n}\n", "", ["8081"]),
        (COPIED % "/etc/nginx/conf.d/default.conf", "server {\n  listen 3000;\n}\n", "", []),
        (COPIED % "/etc/nginx/conf.d/", "server {\n  listen 3000;\n}\n", "", []),
        (COPIED % "/etc/nginx/nginx.conf", "http {\n  server {\n    listen 127.0.0.1:8082;\n  }\n}\n", "", ["8082"]),
        (COPIED % "/etc/nginx/templates/default.conf.template", "server {\n  listen ${PORT};\n}\n", "", []),
        ("FROM nginx:1.29\n", "server {\n  listen 8083;\n}\n", ELSEWHERE, ["8083"]),
        ("FROM nginx:1.29\nRUN sed -i s/80/3000/ /etc/nginx/conf.d/default.conf\n", "", "", []),
        ('FROM nginx:1.29\nCMD ["./start.sh"]\n', "", "", []),
        ("FROM node:22\n", "", "", []),
    ],
    ids=[
        "by default",
        "the unprivileged image",
        "settings in its place",
        "the port to which requests are sent",
        "beside the default",
        "the whole of nginx",
        "a template",
        "settings that are mounted",
        "a RUN that changes them",
        "another program",
        "another image",
    ],
)
def test_requests_are_sent_to_the_port_at_which_nginx_listens(
    dockerfile: str, settings: str, more: str, heard: list[str], tmp_path: Path
) -> None:
    files = {"Dockerfile": dockerfile, "compose.yaml": COMPOSE % more} | ({"nginx.conf": settings} if settings else {})
    report = trees.scan(tmp_path, files, "HEX513")
    assert [each.message for each in report.results] == [
        f"'web' is given requests at port '3000', but [it listens](1) on '{port}'." for port in heard
    ]
