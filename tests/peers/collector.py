#!/usr/bin/env python3
"""A collector that reads OTLP over HTTP with the official messages, and prints a line of JSON for each span.

    collector.py PORT [STATUS]

answers with that status, 200 by default.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

STATUS = int(sys.argv[2]) if len(sys.argv) > 2 else 200


def attributes(pairs):
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}


def spans(request):
    for resource in request.resource_spans:
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield {
                    "resource": attributes(resource.resource.attributes),
                    "scope": scope.scope.name,
                    "trace": span.trace_id.hex(),
                    "id": span.span_id.hex(),
                    "parent": span.parent_span_id.hex(),
                    "state": span.trace_state,
                    "links": [[link.trace_id.hex(), link.span_id.hex()] for link in span.links],
                    "name": span.name,
                    "kind": Span.SpanKind.Name(span.kind),
                    "nanos": span.end_time_unix_nano - span.start_time_unix_nano,
                    "status": Status.StatusCode.Name(span.status.code),
                    "attributes": attributes(span.attributes),
                }


class Collector(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        good = self.path == "/v1/traces" and self.headers["content-type"] == "application/x-protobuf"
        if good and STATUS == 200:
            for span in spans(ExportTraceServiceRequest.FromString(body)):
                span["authorization"] = self.headers["authorization"]
                print(json.dumps(span), flush=True)
        answer = ExportTraceServiceResponse().SerializeToString()
        self.send_response(STATUS if good else 400)
        self.send_header("content-type", "application/x-protobuf")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *arguments):
        pass


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Collector).serve_forever()
