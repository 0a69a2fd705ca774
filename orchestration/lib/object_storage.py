"""Object storage that speaks S3, through pyarrow, which is here anyway."""

from urllib.parse import urlsplit

from pyarrow.fs import AwsStandardS3RetryStrategy, S3FileSystem


def object_storage(
    *,
    endpoint_url: str,
    region: str,
    key: str | None,
    secret: str | None,
    attempts: int,
    timeout_seconds: float,
) -> S3FileSystem:
    """A client of it; nothing is connected to yet.

    Args:
        endpoint_url: empty for Amazon itself.
        key, secret: None for what AWS's own tools would use.

    Raises:
        OSError, pyarrow.ArrowInvalid: the arguments contradict each other.
    """
    endpoint = urlsplit(endpoint_url)
    return S3FileSystem(
        access_key=key,
        secret_key=secret,
        region=region or None,
        endpoint_override=endpoint.netloc or None,
        scheme=endpoint.scheme or "https",
        connect_timeout=timeout_seconds,
        request_timeout=timeout_seconds,
        retry_strategy=AwsStandardS3RetryStrategy(max_attempts=attempts),
    )
