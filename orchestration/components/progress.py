"""One line a step on the terminal, instead of Dagster's hundreds."""

import logging
import sys

import dagster as dg


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
