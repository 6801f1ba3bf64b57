"""A local server with the part of the Hugging Face Hub's protocol that its client needs here."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from urllib.parse import unquote

from tests.http_server import Request

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub:
    """Repositories of models by USER/NAME, each a mapping from file to content. An `answer` for `serving`."""

    def __init__(self) -> None:
        self.repositories: dict[str, dict[str, bytes]] = {}
        self.gated: set[str] = set()
        self.revisions = {"main"}
        self.token: str | None = None
        """If set, requests without it see no repository."""
        self.failing = 0
        """If set, the status of every answer."""

    def __call__(self, request: Request) -> None:
        path = unquote(request.path.partition("?")[0])
        if self.failing:
            request.send(self.failing)
        elif found := re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/revision/(.+))?", path):
            if self._may_read(request, found[1], found[2]):
                self._answer(request, {"id": found[1], "sha": COMMIT})
        elif found := re.fullmatch(r"/api/models/([^/]+/[^/]+)/tree/(.+)", path):
            if self._may_read(request, found[1], found[2]):
                self._list_files(request, found[1])
        elif found := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            if self._may_read(request, found[1], found[2]):
                self._send_file(request, found[1], found[3])
        else:
            self._write(request, path)

    def _may_read(self, request: Request, repository: str, revision: str | None) -> bool:
        code = ""
        if repository not in self.repositories or (
            self.token is not None and request.headers.get("Authorization") != f"Bearer {self.token}"
        ):
            code, status = "RepoNotFound", 404
        elif repository in self.gated:
            code, status = "GatedRepo", 403
        elif revision not in (None, COMMIT, *self.revisions):
            code, status = "RevisionNotFound", 404
        if code:
            request.send(status, X_Error_Code=code)
        return not code

    def _list_files(self, request: Request, repository: str) -> None:
        files = [
            {"type": "file", "path": name, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}
            for name, content in self.repositories[repository].items()
        ]
        self._answer(request, files)

    def _send_file(self, request: Request, repository: str, name: str) -> None:
        content = self.repositories[repository].get(name)
        if content is None:
            request.send(404, X_Error_Code="EntryNotFound", X_Repo_Commit=COMMIT)
            return
        tag = hashlib.sha256(content).hexdigest()
        request.send(200, content, None, X_Repo_Commit=COMMIT, ETag=f'"{tag}"')

    def _write(self, request: Request, path: str) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        if path == "/api/repos/create":
            asked = json.loads(body)
            name = f"{asked.get('organization') or 'user'}/{asked['name'].split('/')[-1]}"
            self.repositories.setdefault(name, {})
            self._answer(request, {"url": f"http://{request.headers['Host']}/{name}"})
        elif path == "/api/validate-yaml":
            self._answer(request, {"errors": [], "warnings": []})
        elif found := re.fullmatch(r"/api/models/([^/]+/[^/]+)/preupload/main", path):
            files = [
                {"path": file["path"], "uploadMode": "regular", "shouldIgnore": False, "oid": None}
                for file in json.loads(body)["files"]
            ]
            self._answer(request, {"files": files})
        elif found := re.fullmatch(r"/api/models/([^/]+/[^/]+)/commit/main", path):
            for line in body.splitlines():
                operation = json.loads(line)
                if operation["key"] == "file":
                    value = operation["value"]
                    self.repositories[found[1]][value["path"]] = base64.b64decode(value["content"])
            url = f"http://{request.headers['Host']}/{found[1]}/commit/{COMMIT}"
            self._answer(request, {"success": True, "commitOid": COMMIT, "commitUrl": url})
        else:
            request.send(404)

    def _answer(self, request: Request, content: object) -> None:
        request.send(200, json.dumps(content).encode(), Content_Type="application/json", X_Repo_Commit=COMMIT)
