"""Logouts on their way to third-party platforms: in batches, and as OpenID Connect logout tokens (profile sections 4.6, 4.7)."""
from __future__ import annotations

import contextlib
import json
import math
import threading

from fetching import Unreachable, fetch
from jose import Signer
from unified_queues import Outcome, Queue, Rules, Task, retry_after
from unified_wire import EVENT, PATIENCE, NoAnswer, secret

TOKEN_LIFETIME = 120  # seconds


class Outbox:
    """The queues of the third-party platforms that registered a logout path. They live in memory."""

    def __init__(self, platform, limit: int, idle: int, longest: int):
        self.platform, self.hold, self.clock = platform, platform.hold, platform.clock
        self._limit, self._idle, self._longest = limit, idle, longest
        self._queues, self._lock, self._tokens = {}, threading.Lock(), {}
        self.signer, self._stranger = Signer("logout-" + secret()[:8]), Signer("logout-other")
        one_after_the_other = threading.Lock()
        self._gate = contextlib.nullcontext() if self.hold("UN-PL-81") else one_after_the_other

    def jwks(self) -> dict:
        return {"keys": [{**self.signer.jwk(), "use": "sig", "alg": "ES256"}]}

    def add(self, user, generation: int, client_ids: list) -> list:
        """Makes a task for each third-party platform that a logout reaches; gives the queues that they are in."""
        reached = [(client_id, path) for client_id in client_ids for path in self._logout_path(client_id)]
        first = {path: client_id for client_id, path in reversed(reached)}
        queues = []
        for client_id, path in reached:
            task = Task(secret(), client_id, user.sub, self.platform.grants.told(generation), self.clock.now())
            shared = path == "logout_uri" and not self.hold("UN-PL-28")
            queues.append(self._queue(first[path] if shared else client_id, path))
            queues[-1].add([task])
        return queues

    def _logout_path(self, client_id: str) -> list:
        paths = self.platform.register.parties[client_id].paths
        return [name for name in ("logout_uri", "backchannel_logout_uri") if name in paths]

    def _queue(self, client_id: str, path: str) -> Queue:
        with self._lock:
            if (client_id, path) not in self._queues:
                batch = path == "logout_uri"
                rules, send = (self._batch_rules(), self._send_batch) if batch else (self._token_rules(), self._send_token)

                def deliver(tasks: list) -> Outcome:
                    return send(client_id, self.platform.register.parties[client_id].paths.get(path), tasks)

                self._queues[client_id, path] = Queue(self.clock, rules, deliver, self._gate)
            return self._queues[client_id, path]

    def _batch_rules(self) -> Rules:
        hold = self.hold
        full, most, idle = self._limit, self._limit, self._idle
        if not hold("UN-PL-26"):
            full, most = 1, 1
        return Rules(
            full=full if hold("UN-PL-27") else math.inf,
            most=most if hold("UN-PL-75") else math.inf,
            idle=idle,
            longest=self._longest if hold("UN-PL-74") else math.inf,
            keeps_trying=hold("UN-PL-76"), doubles=hold("UN-PL-77"), heeds_retry_after=hold("UN-PL-78"))

    def _token_rules(self) -> Rules:
        return Rules(full=1, most=1, idle=0, longest=0, keeps_trying=self.hold("UN-PL-90"))

    def _send_batch(self, client_id: str, uri, tasks: list) -> Outcome:
        """One batch-logout request. `uri` is None while the third-party platform has given up its logout path."""
        line = self.platform.register.sending_line(client_id)
        if uri is None or line is None:
            return Outcome()
        named = {task.task_id if self.hold("UN-PL-83") else secret(): task for task in tasks}
        told = [{"task_id": task_id, "sub": task.sub, "generation": task.generation} for task_id, task in named.items()]
        try:
            answer = self.platform.seals.ask(uri, line, "batch-logout", {"tasks": told}, related="UN-PL-80")
        except NoAnswer as error:
            return Outcome(retry_after=retry_after(error.reply))
        if not self.hold("UN-PL-79"):
            return Outcome(tuple(tasks))
        results = answer.members.get("results")
        done = {result.get("task_id") for result in (results if isinstance(results, list) else ())
                if isinstance(result, dict) and result.get("status") == "done" and isinstance(result.get("task_id"), str)}
        return Outcome(tuple(task for task_id, task in named.items() if task_id in done), retry_after(answer.reply))

    def _send_token(self, client_id: str, uri, tasks: list) -> Outcome:
        """One logout token."""
        if uri is None:
            return Outcome()
        task = tasks[0]
        token = self._tokens.get(task) or self._logout_token(client_id, task)
        if not self.hold("UN-PL-89"):
            self._tokens[task] = token
        try:
            reply = fetch("POST", uri, form=[("logout_token", token)], timeout=PATIENCE)
        except Unreachable:
            return Outcome()
        return Outcome((task,)) if reply.status in (200, 204) else Outcome(retry_after=retry_after(reply))

    def _logout_token(self, client_id: str, task: Task) -> str:
        now = int(self.clock.now())
        claims = {"iss": self.platform.issuer, "aud": client_id, "sub": task.sub, "iat": now, "exp": now + TOKEN_LIFETIME,
                  "jti": secret(), "generation": task.generation}
        if self.hold("UN-PL-87"):
            claims["events"] = {EVENT: {}}
        signer = self.signer if self.hold("UN-PL-88") else self._stranger
        return signer.sign({"typ": "logout+jwt"}, json.dumps(claims).encode())
