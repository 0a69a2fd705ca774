"""One line a step on the terminal, instead of Dagster's hundreds."""

import logging
import sys
import time

import dagster as dg

#: What takes less is not worth a line of its own.
WORTH_A_LINE_SECONDS = 2.0


class StageClock:
    """Logs the stages of a step that took long, each when it ends."""

    def __init__(self, log: dg.DagsterLogManager) -> None:
        """The log of the step."""
        self._log = log
        self._stage: str | None = None
        self._since = time.monotonic()

    def begin(self, stage: str) -> None:
        """Another stage begins, and the one before it has ended."""
        seconds = time.monotonic() - self._since
        if self._stage and seconds >= WORTH_A_LINE_SECONDS:
            self._log.info(f"{self._stage} in {seconds:.1f} s")
        self._stage, self._since = stage, time.monotonic()


class ProgressHandler(logging.Handler):
    """Prints what steps log, which checks failed, and when steps end or fail."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print the record if a person would want to see it."""
        meta = getattr(record, "dagster_meta", {})
        step = str(meta.get("step_key") or "").replace("__", "/")
        event: dg.DagsterEvent | None = meta.get("dagster_event")
        message = None
        if event is None:
            text = str(meta.get("orig_message") or record.getMessage())
            if text.startswith("Dependencies for step"):
                message = "not run: a step before it failed"
            elif record.levelno >= logging.INFO:
                message = text
        elif event.event_type is dg.DagsterEventType.STEP_SUCCESS:
            message = f"done in {event.step_success_data.duration_ms / 1000:.1f} s"
        elif event.event_type is dg.DagsterEventType.STEP_FAILURE:
            message = "FAILED"
        elif event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            check = event.asset_check_evaluation_data
            if not check.passed:
                message = f"{check.severity.value.lower()}: {check.check_name}"
        if message:
            print(f"  {step:36} {message}", file=sys.stderr, flush=True)  # noqa: T201


@dg.logger(None, "One line a step.")
def progress_logger(context: dg.InitLoggerContext) -> logging.Logger:
    """The logger of all jobs."""
    logger = logging.getLogger("crm360.progress")
    logger.setLevel(logging.DEBUG)
    logger.handlers = [ProgressHandler()]
    logger.propagate = False
    return logger
