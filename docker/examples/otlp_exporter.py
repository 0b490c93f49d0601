"""Send OpenTelemetry GenAI traces to Overt with the standard exporter.

An application that is instrumented already needs no code:

    OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:8080/otlp
    OTEL_EXPORTER_OTLP_HEADERS="authorization=Bearer%20$OVERT_TOKEN"
    OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=true   # without it there is nothing to judge
"""

import json
import os

from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor


def provider(url=None, token=None):
    """A provider whose spans go to Overt; call `shutdown()` at the end, so that none is lost."""
    url = url or os.environ.get("OVERT_URL", "http://127.0.0.1:8080")
    exporter = OTLPSpanExporter(
        endpoint=f"{url}/otlp/v1/traces",
        headers={"authorization": f"Bearer {token or os.environ['OVERT_TOKEN']}"},
        compression=Compression.Gzip,
    )
    made = TracerProvider()
    made.add_span_processor(BatchSpanProcessor(exporter))
    return made


def record_chat(tracer, model, conversation, messages, answer):
    """A span of one call of a model, as the conventions have it since 1.37.

    `messages` and `answer` are lists of `{"role", "parts": [{"type", "content"}]}`.
    """
    with tracer.start_as_current_span(f"chat {model}") as span:
        span.set_attribute("gen_ai.operation.name", "chat")
        span.set_attribute("gen_ai.provider.name", "vllm")
        span.set_attribute("gen_ai.request.model", model)
        span.set_attribute("gen_ai.conversation.id", conversation)
        span.set_attribute("gen_ai.input.messages", json.dumps(messages))
        span.set_attribute("gen_ai.output.messages", json.dumps(answer))
