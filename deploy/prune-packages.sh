#!/bin/sh
# Leaves of node_modules only what the server loads on this machine: nothing for browsers, no other platform's build
# of ONNX Runtime, no second form of a module, and nothing that people, editors or debuggers read. Licences stay.
# Usage: prune-packages.sh <node_modules>
set -eu
cd "$1"
rm -rf onnxruntime-web @types .package-lock.json zod/src @grpc/grpc-js/src @xenova/transformers/src @xenova/transformers/types
find onnxruntime-node/bin/napi-v6 -mindepth 2 -maxdepth 2 ! -path "*/linux/$(node -p process.arch)" -exec rm -rf {} +
find @xenova/transformers/dist -type f ! -name transformers.node.mjs -delete
find . -type d \( -path '*/@opentelemetry/*/build/esm' -o -path '*/@opentelemetry/*/build/esnext' \) -prune -exec rm -rf {} +
find . -type d \( -name test -o -name tests -o -name docs -o -name examples -o -name bench -o -name benchmarks \) -prune -exec rm -rf {} +
find . -type f \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' -o -iname '*.md' \) ! -iname '*licen*' -delete
