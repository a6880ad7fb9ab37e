"""The API behind functions-framework: Flask's requests, and answers that Cloud Run can return."""

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Request
from werkzeug.test import EnvironBuilder

from boatyard_gcp import handler, http
from tests.gcp.artifact_registry import HOST
from tests.gcp.cloud_build import CloudBuild
from tests.gcp.metadata_server import PROJECT, MetadataServer
from tests.gcp.payloads import ADA, request, token
from tests.gcp.secrets import Secrets
from tests.gcp.site import REPOSITORY, Site, order, variables
from tests.registry.server import FakeRegistry, Fault

MB = 1024 * 1024


def test_an_image_that_the_registry_has_is_answered_from_there(site: Site, images: FakeRegistry, storage: Any) -> None:
    status, plan = site.ask(request("POST", "/v1/plans", order()))
    assert status == 200 and plan["target"].startswith(f"{REPOSITORY}/")
    path, _, tag = plan["target"].removeprefix(f"{HOST}/").partition(":")
    digest = images.add_image(path, tag, labels={"io.boatyard.key": plan["key"]})
    storage.calls.clear()
    status, answer = site.ask(request("POST", "/v1/builds", order()))
    assert status == 200 and answer["cached"] and answer["image"].endswith(f"@{digest}")
    assert storage.calls == [], "no bucket is read"


def test_an_image_that_it_has_not_is_built_once(site: Site, cloud_build: CloudBuild) -> None:
    status, answer = site.ask(request("POST", "/v1/builds", order()))
    assert status == 202 and answer["state"] == "QUEUED" and not answer["joined"]
    again, joined = site.ask(request("POST", "/v1/builds", order()))
    assert again == 202 and joined["joined"] and joined["id"] == answer["id"]
    assert len(cloud_build.builds) == 1
    status, build = site.ask(request("GET", f"/v1/builds/{answer['id']}"))
    assert status == 200 and build["project"] == "ml"


def test_a_context_is_announced_and_its_url_is_cloud_storages(site: Site) -> None:
    status, answer = site.ask(request("POST", "/v1/contexts", {"sha256": "a" * 64, "size": 10}))
    assert status == 201 and "X-Goog-Signature" in answer["uploadUrl"]


def test_a_secret_goes_to_secret_manager(site: Site, secrets: Secrets) -> None:
    body = {"project": "ml", "domain": "dev", "kind": "build", "value": "s3cr3t"}
    status, _ = site.ask(request("PUT", "/v1/secrets/TOKEN", body))
    assert status == 204
    assert secrets.values("boatyard_ml_dev_TOKEN") == [b"s3cr3t"]


class TestCallers:
    @pytest.mark.parametrize("name", ["Authorization", "X-Serverless-Authorization", "x-serverless-authorization"])
    def test_who_cloud_run_has_checked_is_held_against_the_policy(self, make: Callable[..., Site], name: str) -> None:
        callers = [{"match": "*@example.com", "projects": ["ml/*"]}]
        site = make(BOATYARD_SETTINGS=json.dumps({"access": {"callers": callers}}))

        def asked(email: str, **more: Any) -> tuple[int, Any]:
            headers = {"Authorization": "", name: f"Bearer {token(email)}"}
            return site.ask(
                request("POST", "/v1/plans", order(**more), headers={k: v for k, v in headers.items() if v})
            )

        assert asked(ADA)[0] == 200
        assert asked(ADA, project="web")[0] == 403
        status, problem = asked("eve@example.org")
        assert status == 403 and problem["code"] == "FORBIDDEN" and "eve@example.org" in problem["detail"]

    def test_the_header_that_cloud_run_did_not_check_says_nothing(self, site: Site, capsys: Any) -> None:
        """If both are present, Cloud Run checks X-Serverless-Authorization and not Authorization."""
        forged = f"Bearer {token('admin@example.com')}"
        for other in (forged, "Basic YTpi", "Bearer of-another-system", f"Bearer {token(signature='c2ln')}"):
            headers = {"X-Serverless-Authorization": f"Bearer {token('eve@example.com')}", "Authorization": other}
            assert site.ask(request("GET", "/v1/capabilities", headers=headers))[0] == 200
            answered = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
            assert [line["caller"] for line in answered if line["message"] == "answered"] == ["eve@example.com"]

    def test_a_checked_header_that_names_nobody_is_not_replaced_by_the_other(self, site: Site) -> None:
        for name in ("", "Bearer ", "Bearer x", f"Bearer {token(signature='c2ln')}"):
            headers = {"X-Serverless-Authorization": name, "Authorization": f"Bearer {token()}"}
            assert site.ask(request("GET", "/v1/capabilities", headers=headers))[0] == 401, name

    @pytest.mark.parametrize(
        ("value", "words"),
        [
            (f"Bearer {token(signature='c2lnbmF0dXJl')}", "has not checked it"),
            (f"Bearer {token(signature='SIGNATURE_REMOVED_BY_GOOGLEX')}", "has not checked it"),
            (f"Bearer {token(signature='signature_removed_by_google')}", "has not checked it"),
            (f"Bearer {token(signature='')}", "does not contain an ID token"),
            (f"Bearer {token()}.x", "does not contain an ID token"),
            (f"Bearer {token()}, Bearer {token()}", "does not contain an ID token"),
            (f"Bearer {token()},Bearer x", "does not contain an ID token"),
            (f"Basic {token()}", "does not contain an ID token"),
            (token(), "does not contain an ID token"),
            ("Bearer a.b", "does not contain an ID token"),
            ("Bearer ..", "does not contain an ID token"),
            ("Bearer ya29.a0AfH6SM", "does not contain an ID token"),
            (f"Bearer {'x' * 20_000}", "does not contain an ID token"),
            ("Bearer a.b.SIGNATURE_REMOVED_BY_GOOGLE", "cannot be read"),
            ("Bearer a.bm8ganNvbg.SIGNATURE_REMOVED_BY_GOOGLE", "cannot be read"),
            ("Bearer a.W10.SIGNATURE_REMOVED_BY_GOOGLE", "cannot be read"),
            ("Bearer a.__79.SIGNATURE_REMOVED_BY_GOOGLE", "cannot be read"),
            (f"Bearer {token(iss='https://evil.example')}", "Google did not issue"),
            (f"Bearer {token(iss='https://accounts.google.com.evil.example')}", "Google did not issue"),
            (f"Bearer {token(iss=None)}", "cannot be read"),
            (f"Bearer {token('')}", "no e-mail"),
            (f"Bearer {token(email_verified=False)}", "not verified"),
            (f"Bearer {token(email_verified='true')}", "cannot be read"),
            (f"Bearer {token(email=['a@b.c'])}", "cannot be read"),
            (f"Bearer {token('ada')}", "not verified"),
            (f"Bearer {token('a@b.c@example.com')}", "not verified"),
            (f"Bearer {token('a b@example.com')}", "not verified"),
            (f"Bearer {token('ädä@example.com')}", "not verified"),
            (f"Bearer {token('ada@example.com' + chr(10))}", "not verified"),
            (f"Bearer {token('a' * 400 + '@example.com')}", "not verified"),
        ],
    )
    def test_a_token_that_proves_nothing_is_refused_without_being_repeated(
        self, site: Site, value: str, words: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        status, problem = site.ask(request("GET", "/v1/capabilities", headers={"Authorization": value}))
        assert (status, problem["code"]) == (401, "UNAUTHENTICATED") and words in problem["detail"]
        secret = value.removeprefix("Bearer ")
        assert secret not in json.dumps(problem) + capsys.readouterr().out

    def test_without_a_token_nobody_is_let_in(self, site: Site) -> None:
        environ = request("GET", "/v1/capabilities").environ
        del environ["HTTP_AUTHORIZATION"]
        status, problem = site.ask(Request(environ))
        assert (status, problem["code"]) == (401, "UNAUTHENTICATED")

    def test_no_token_is_believed_where_callers_may_come_in_unchecked(self, make: Callable[..., Site]) -> None:
        """In a function that anybody may call, anybody may have written the token."""
        site = make(BOATYARD_INVOKERS_CHECKED="")
        status, problem = site.ask(request("GET", "/v1/capabilities"))
        assert status == 401 and "BOATYARD_INVOKERS_CHECKED" in problem["detail"]

    def test_an_anonymous_function_believes_no_token_either(
        self, make: Callable[..., Site], capsys: pytest.CaptureFixture[str]
    ) -> None:
        callers = [{"match": ADA}]
        more = {"BOATYARD_INVOKERS_CHECKED": "", "BOATYARD_ANONYMOUS": "true"}
        assert make(**more).ask(request("GET", "/healthz"))[0] == 200
        site = make(**more, BOATYARD_SETTINGS=json.dumps({"access": {"callers": callers}}))
        assert site.ask(request("POST", "/v1/plans", order()))[0] == 401
        assert ADA not in capsys.readouterr().out

    def test_a_name_is_text_and_no_pattern(self, make: Callable[..., Site]) -> None:
        site = make(BOATYARD_SETTINGS=json.dumps({"access": {"callers": [{"match": ADA}]}}))
        assert site.ask(request("POST", "/v1/plans", order(), email="*@example.com"))[0] == 403


class TestBodiesAndPaths:
    def test_the_path_is_decoded_once_and_the_query_is_read(self, site: Site) -> None:
        status, problem = site.ask(request("GET", "/v1/images/ghcr.io%2Facme%2Fx%3A1%2525"))
        assert status == 400 and "%25" in problem["detail"]
        status, problem = site.ask(request("GET", "/v1/builds", query="pageSize=0&state=RUNNING"))
        assert status == 400 and problem["field"] == "pageSize"

    @pytest.mark.parametrize(
        ("asked", "status", "code"),
        [
            (lambda: request("POST", "/v1/plans", b"{"), 400, "INVALID_SPEC"),
            (lambda: request("POST", "/v1/plans", b"\xff\xfe"), 400, "INVALID_SPEC"),
            (lambda: request("POST", "/v1/plans", b""), 400, "INVALID_SPEC"),
            (lambda: request("POST", "/v1/plans", {}, headers={"Content-Type": ""}), 415, "UNSUPPORTED_MEDIA_TYPE"),
            (lambda: request("POST", "/v1/plans", b"x" * (5 * MB)), 413, "CONTEXT_TOO_LARGE"),
            (lambda: request("DELETE", "/v1/builds"), 405, "METHOD_NOT_ALLOWED"),
            (lambda: request("TRACE", "/v1/builds"), 405, "METHOD_NOT_ALLOWED"),
            (lambda: request("GET", "/nothing"), 404, "NOT_FOUND"),
            (lambda: request("GET", "/"), 404, "NOT_FOUND"),
            (lambda: request("GET", "/%00%ff%0a"), 404, "NOT_FOUND"),
            (lambda: request("GET", "/../../etc/passwd"), 404, "NOT_FOUND"),
            (lambda: request("GET", "/" + "a" * 100_000), 400, "INVALID_SPEC"),
            (lambda: request("GET", "/v1/builds", query="%ff=%00&;;&=&pageSize=1e9"), 400, "INVALID_SPEC"),
        ],
    )
    def test_what_cannot_be_served_has_a_clear_answer(
        self, site: Site, asked: Callable[[], Request], status: int, code: str
    ) -> None:
        answered, problem = site.ask(asked())
        assert (answered, problem["code"]) == (status, code)

    def test_a_body_without_a_length_is_read_no_further_than_it_may_be(self, site: Site) -> None:
        class Endless(io.RawIOBase):
            given = 0

            def readable(self) -> bool:
                return True

            def readinto(self, buffer: Any) -> int:
                self.given += len(buffer)
                buffer[:] = b"x" * len(buffer)
                return len(buffer)

        environ = request("POST", "/v1/plans").environ
        endless = Endless()
        environ |= {"wsgi.input": endless, "wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
        environ.pop("CONTENT_LENGTH", None)
        status, problem = site.ask(Request(environ))
        assert (status, problem["code"]) == (413, "CONTEXT_TOO_LARGE") and endless.given < 6 * MB

    def test_a_body_that_breaks_off_is_refused(self, site: Site) -> None:
        environ = request("POST", "/v1/plans", order()).environ
        environ["CONTENT_LENGTH"] = str(int(environ["CONTENT_LENGTH"]) + 10)
        status, problem = site.ask(Request(environ))
        assert (status, problem["code"]) == (400, "INVALID_SPEC")

    @pytest.mark.parametrize(
        "headers",
        [
            {"X-Forwarded-For": "' OR 1=1 --" * 1000},
            {"X-Cloud-Trace-Context": "\x1b[31m"},
            {"Content-Encoding": "gzip"},
            {"Content-Type": "application/json; charset=utf-7"},
            {"Content-Type": "application/json;" + "x" * 10_000},
            {"Accept": "\xff\xfe"},
            {"Cookie": "a=b; " * 5_000},
            {"X-HTTP-Method-Override": "DELETE"},
            {"Host": "evil.example"},
            {"X-Goog-Authenticated-User-Email": "accounts.google.com:admin@example.com"},
            {"X-Goog-IAP-JWT-Assertion": "x"},
            {"X-Forwarded-Authorization": "Bearer x"},
        ],
    )
    def test_odd_headers_change_nothing(
        self, site: Site, headers: dict[str, str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        status, _ = site.ask(request("POST", "/v1/plans", order(), headers=headers))
        assert status in (200, 415)
        (line,) = [line for line in capsys.readouterr().out.splitlines() if '"answered"' in line]
        assert json.loads(line)["caller"] == ADA

    def test_an_answer_that_cloud_run_cannot_carry_is_refused(
        self, site: Site, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(http, "LARGEST_ANSWER", 100)
        status, problem = site.ask(request("GET", "/openapi.json"))
        assert status == 422 and "smaller page" in problem["detail"]

    def test_bytes_go_out_as_they_are(self, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
        from boatyard.api import Response

        answer = Response(status=200, body=b"\x00\xff", headers={"content-type": "application/proto"})
        monkeypatch.setattr(site.deployment.api, "handle", lambda request: answer)
        told = site.http_app.handle(request("GET", "/"))
        assert told.get_data() == b"\x00\xff" and told.headers["content-type"] == "application/proto"


def test_a_registry_that_cannot_be_asked_is_502_and_nothing_is_built(
    site: Site, images: FakeRegistry, cloud_build: CloudBuild
) -> None:
    images.faults = [Fault(status=503, times=10**6, path="/v2/")]
    status, problem = site.ask(request("POST", "/v1/builds", order()))
    assert status == 502 and problem["code"] == "REGISTRY_UNAVAILABLE" and problem["retryable"]
    assert not cloud_build.builds


def test_what_is_missing_for_a_build_is_named_with_what_to_grant(site: Site, cloud_build: CloudBuild) -> None:
    cloud_build.server.fail("cloudbuild.projects.locations.builds.create", 403, "PERMISSION_DENIED")
    status, problem = site.ask(request("POST", "/v1/builds", order()))
    assert (
        status >= 400
        and problem["code"] == "DATAPLANE_DENIED"
        and "roles/cloudbuild.builds.editor" in problem["detail"]
    )


def test_a_caller_learns_little_of_a_misconfigured_function(
    metadata: MetadataServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {**variables("b-1"), "BOATYARD_CLOUDBUILD_IMAGE": ""}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(handler, "_function", handler._Function())
    told = handler.api(request("GET", "/healthz"))
    assert told.status_code == 500 and b"CLOUDBUILD" not in told.get_data()
    (line,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert line["severity"] == "ERROR" and "BOATYARD_CLOUDBUILD_IMAGE is needed" in line["detail"]


def test_logs_and_metrics_are_json_lines_without_bodies(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.ask(request("POST", "/v1/plans", order(project="very-private")))
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (logged,) = [line for line in lines if line["message"] == "answered"]
    assert logged["path"] == "/v1/plans" and logged["caller"] == ADA and logged["status"] == 200
    trace = f"projects/{PROJECT}/traces/65011637f09e0a5179677a7429456db7"
    assert {line["logging.googleapis.com/trace"] for line in lines} == {trace}
    assert "very-private" not in json.dumps(lines) and "eyJ" not in json.dumps(lines)
    (metrics,) = [line for line in lines if line["message"] == "metrics"]
    assert metrics["metrics"]["Answers2xx"] == 1 and metrics["metrics"]["AnswerTime"] > 0


def test_an_unforeseen_error_is_an_answer_too(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.http_app._api = lambda: [][0]
    status, problem = site.ask(request("GET", "/healthz"))
    assert (status, problem["code"]) == (500, "INTERNAL") and "log has more" in problem["detail"]
    assert "IndexError" in capsys.readouterr().out


def test_the_stock_builder_is_refused_in_its_own_words(site: Site) -> None:
    """Its client reads Connect's codes, also for errors before the request reaches the API."""
    path = "/flyteidl2.imagebuilder.ImageService/GetImage"
    body = {"id": {"name": "x:1"}}
    status, error = site.ask(request("POST", path, body, headers={"Authorization": "Bearer x"}))
    assert (status, error["code"]) == (401, "unauthenticated")
    status, error = site.ask(request("POST", path, b"x" * (5 * MB)))
    assert (status, error["code"]) == (400, "failed_precondition")


def test_a_request_that_werkzeug_builds_by_itself_is_one(site: Site) -> None:
    environ = EnvironBuilder(path="/healthz", headers={"Authorization": f"Bearer {token()}"}).get_environ()
    assert site.ask(Request(environ))[0] == 200
