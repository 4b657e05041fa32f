"""Many transfers over a few connections, which may be lost and made again.

Spec: chapters 5 and 10. The law of this module: every transfer is settled, failed or given up,
exactly once, whatever becomes of the connections; and work goes on for as long as there is
progress and trying again can help.

    transfers -> take -> begin -> pipeline -> settle -> outcome
                  ^                              |
                  +---- again: lost, or not yet settled
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

from headframe import ErrorCode, Refusal
from headframe_client.calls import Call
from headframe_client.client import Client
from headframe_client.errors import ClientError, ConnectionFailed, InvalidArgument, Refused
from headframe_client.outcome import Outcome
from headframe_client.pipeline import Pipeline
from headframe_client.results import Kept
from headframe_client.retries import RETRIES, Retries, wait_before_retry
from headframe_client.transfers import Transfer

__all__ = ["Connect", "Crew"]

Connect = Callable[[], Client]
"""Makes a connection to the server."""

LEAVE_S: Final = 5.0
"""What another thread has to end its transfers when somebody interrupts."""


class Crew:
    """The workers, each with a connection of its own, and what they share."""

    def __init__(
        self,
        connect: Connect,
        transfers: Iterator[Transfer[Any]],
        outcome: Outcome,
        *,
        connections: int = 1,
        retries: int = RETRIES,
    ) -> None:
        self.connect = connect
        self.outcome = outcome
        self.retries = retries
        self.reached = False
        """Whether there was a connection: a server that was never there is not waited for."""
        self.stopped = threading.Event()
        self._lock = threading.RLock()
        """For all that the workers share, the outcome among it."""
        self._workers = [_Worker(self) for _ in range(connections)]
        self._transfers = transfers
        self._open: dict[int, Transfer[Any]] = {}
        """Those that have been taken and have not come to an end."""
        self._again: deque[Transfer[Any]] = deque()
        self._later: list[tuple[Transfer[Any], Refused]] = []
        """Those that the server has refused for now."""
        self._turns = self.new_retries()
        self._lost: list[ClientError] = []
        """Why workers have left before the end."""
        self._fatal: Exception | None = None
        """Why nobody goes on."""

    def run(self) -> None:
        """Carry out all transfers; raise ClientError if the server ends it before that."""
        threads = [
            threading.Thread(target=self._work, args=(worker,), daemon=True)
            for worker in self._workers[1:]
        ]
        try:
            for thread in threads:
                thread.start()
            self._work(self._workers[0])
            for thread in threads:
                thread.join()
        finally:
            self.stopped.set()
            for worker in self._workers:
                worker.interrupt()
            for thread in threads:
                thread.join(LEAVE_S)
            error = self._fatal or (self._lost[0] if self._open and self._lost else None)
            for transfer in self._open.values():
                transfer.give_up(error)
        if error is not None:
            raise error

    def _work(self, worker: _Worker) -> None:
        """Let a worker work until nothing is left for it, or its connection is lost for good."""
        try:
            worker.run()
        except (ConnectionFailed, Refused) as error:
            self._lost.append(error)
        except Exception as error:
            self._stop(error)

    def _stop(self, error: Exception) -> None:
        self._fatal = self._fatal or error
        self.stopped.set()

    def new_retries(self) -> Retries:
        """Return a count of tries, with waits that end when everything does."""
        return Retries(self.retries, self._tell_loss, self.stopped.wait)

    def _tell_loss(self, error: ClientError, wait_s: float) -> None:
        with self._lock:
            self.outcome.lose(error, wait_s)

    # --- what the workers ask for ------------------------------------------------------------

    def take(self) -> Transfer[Any] | None:
        """Return a transfer to begin, or to begin again; None if there is none now."""
        with self._lock:
            if self.stopped.is_set():
                return None
            if self._again:
                return self._again.popleft()
            try:
                transfer = next(self._transfers, None)
            except Exception as error:
                self._stop(error)
                return None
            if transfer is not None:
                self._open[id(transfer)] = transfer
                # By its number: a transfer that holds itself stays in memory when it has ended.
                transfer.progress = partial(self._advance, id(transfer))
            return transfer

    def _advance(self, number: int, moved_bytes: int, total: int | None) -> None:
        """A transfer has come so far."""
        with self._lock:
            transfer = self._open[number]
            before, transfer.moved_bytes = transfer.moved_bytes, moved_bytes
            if before is None:
                self.outcome.held_bytes += transfer.held_bytes
            self.outcome.advance(moved_bytes - (before or 0), total)

    def await_turn(self) -> bool:
        """Wait until what was refused for now may begin again; return whether there is any."""
        with self._lock:
            later, self._later = self._later, []
        if not later:
            return False
        try:
            self._turns.wait(later[0][1])
        except Refused:
            for transfer, error in later:
                self.fail(transfer, error)
            return False
        with self._lock:
            self._again.extend(transfer for transfer, _ in later)
        return True

    # --- what the workers tell ---------------------------------------------------------------

    def tell_resumed(self, transfer: Transfer[Any]) -> None:
        """A transfer goes on behind what is there."""
        with self._lock:
            self.outcome.resume(transfer)

    def put_back(self, transfer: Transfer[Any], error: Exception | None = None) -> None:
        """A transfer has to begin again, as soon as may be; with `error` only if it can."""
        if error is not None and not transfer.repeatable:
            self.fail(transfer, error)
            return
        with self._lock:
            self._again.append(transfer)

    def postpone(self, transfer: Transfer[Any], error: Refused) -> None:
        """A transfer has to begin again, when everything else is done."""
        if not transfer.repeatable:
            self.fail(transfer, error)
            return
        with self._lock:
            self._later.append((transfer, error))

    def finish(self, transfer: Transfer[Any], result: Any) -> None:
        """A transfer has come to a good end."""
        with self._lock:
            del self._open[id(transfer)]
            self._turns.reset()
            if isinstance(result, Kept):
                self.outcome.advance(result.total, result.total)
                self.outcome.keep(transfer, result)
            else:
                self.outcome.move(transfer, result)

    def fail(self, transfer: Transfer[Any], error: Exception) -> None:
        """A transfer has come to a bad end."""
        transfer.give_up(error)
        with self._lock:
            del self._open[id(transfer)]
            local = isinstance(error, OSError) and transfer.path
            self.outcome.fail(local or transfer.name, error)


class _Worker:
    """One connection at a time, and a window of calls on it."""

    def __init__(self, crew: Crew) -> None:
        self._crew = crew
        self._client: Client | None = None
        self._pipeline: Pipeline | None = None
        self._retries = crew.new_retries()
        self._refusal: Refused | None = None
        """Why the server does not want this connection."""

    def run(self) -> None:
        """Work until nothing is left; raise ClientError when the connection is lost for good."""
        try:
            while self._turn():
                pass
        finally:
            self._disconnect()

    def interrupt(self) -> None:
        """Make it notice soon that it is to stop."""
        client = self._client
        if client is not None:
            client.session.interrupt()

    def _turn(self) -> bool:
        """Begin a transfer, or wait for those that have begun; return False when all is done."""
        try:
            transfer = self._crew.take()
            if transfer is not None:
                self._begin(transfer)
                return True
            if self._pipeline:
                self._pipeline.finish()
                return True
            return self._crew.await_turn()
        except ConnectionFailed as error:
            self._recover(error)
            return True

    def _begin(self, transfer: Transfer[Any]) -> None:
        try:
            client = self._connect()
            call, body_bytes = transfer.begin(client.session)
        except ConnectionFailed as error:
            self._crew.put_back(transfer, error)
            raise
        except (OSError, InvalidArgument) as error:
            self._crew.fail(transfer, error)
            return
        if transfer.held_bytes > transfer.told_bytes:
            transfer.told_bytes = transfer.held_bytes
            self._retries.reset()
            self._crew.tell_resumed(transfer)
        assert self._pipeline is not None
        self._pipeline.add(call, partial(self._settle, transfer), body_bytes)

    def _settle(self, transfer: Transfer[Any], call: Call[Any]) -> None:
        """Take in how a call of a transfer ended."""
        try:
            result = transfer.settle(call)
        except ConnectionFailed as error:
            self._crew.put_back(transfer, error)
        except (ClientError, OSError) as error:
            self._judge(transfer, error)
        else:
            if result is None:
                self._crew.put_back(transfer)
                return
            self._retries.reset()
            self._crew.finish(transfer, result)

    def _judge(self, transfer: Transfer[Any], error: ClientError | OSError) -> None:
        """Decide whether a transfer that has failed is tried again."""
        session_error = self._client.session.error if self._client is not None else None
        if error is session_error:
            self._crew.put_back(transfer, error)
        elif not isinstance(error, Refused):
            self._crew.fail(transfer, error)
        elif _refuses_connection(error):
            self._refusal = error
            self._crew.put_back(transfer, error)
        elif wait_before_retry(error, 0) is not None:
            self._crew.postpone(transfer, error)
        else:
            self._crew.fail(transfer, error)

    def _connect(self) -> Client:
        """Return the connection, made anew if it was lost."""
        client = self._client
        if client is None:
            client = self._client = self._crew.connect()
            self._crew.reached = True
            self._pipeline = Pipeline(client.session)
        return client

    def _recover(self, error: ConnectionFailed) -> None:
        """Wait before the next try; raise the error if there is none."""
        self._disconnect()
        refusal, self._refusal = self._refusal, None
        if not self._crew.reached:
            raise refusal or error
        self._retries.wait(refusal or error)

    def _disconnect(self) -> None:
        """End the connection; what was on its way begins again."""
        client, pipeline = self._client, self._pipeline
        if client is not None and pipeline is not None:
            client.close()
            pipeline.hand_over()
        self._client = self._pipeline = None


def _refuses_connection(error: Refused) -> bool:
    """Return whether a server is too busy for this connection, not for this request."""
    refusal = error.refusal
    return error.code is ErrorCode.BUSY and isinstance(refusal, Refusal) and refusal.close
