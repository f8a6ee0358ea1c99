# The server as an image: encoders and the ready head inside, nothing is fetched at start.
#   docker build -t tandem .                     CPU, on amd64 or arm64
#   docker build -t tandem:cuda --target cuda .  CUDA 12 and cuDNN 9, on amd64
# docs/operations.md says how to run it.
ARG NODE_IMAGE=node:24-bookworm-slim
ARG CUDA_IMAGE=nvidia/cuda:12.9.1-cudnn-runtime-ubuntu24.04

FROM ${NODE_IMAGE} AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --no-audit --no-fund
COPY deploy/prune-packages.sh /
RUN /prune-packages.sh node_modules

FROM ${NODE_IMAGE} AS cpu
COPY --from=packages /app/node_modules /app/node_modules
COPY models /app/models
COPY package.json LICENSE /app/
COPY deploy/health-check.ts /app/deploy/
COPY src /app/src
RUN install -d -o 1000 -g 1000 /data
WORKDIR /data
ENV NODE_ENV=production TANDEM_DATA=/data TANDEM_HOST=0.0.0.0
USER 1000:1000
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s CMD ["node", "/app/deploy/health-check.ts"]
ENTRYPOINT ["node", "/app/src/main.ts"]
CMD ["serve"]

# CUDA's provider is no part of the npm package: onnxruntime-node's own script fetches it, here and nowhere else.
FROM packages AS cuda-packages
ENV provider=node_modules/onnxruntime-node/bin/napi-v6/linux/x64/libonnxruntime_providers
RUN node node_modules/onnxruntime-node/script/install.js --onnxruntime-node-install=cuda12 \
 && test -s ${provider}_cuda.so && test -s ${provider}_shared.so \
 || { echo 'onnxruntime-node fetched no CUDA provider: its install script needs the internet' >&2; exit 1; }
# The third one is for TensorRT, which is not in the image.
RUN rm -f ${provider}_tensorrt.so

FROM ${CUDA_IMAGE} AS cuda
COPY --from=packages /usr/local/bin/node /usr/local/bin/node
COPY --from=cuda-packages /app/node_modules /app/node_modules
# Node must start here, and everything that the provider links to be here; only the driver comes from the machine.
RUN node --version \
 && ! ldd /app/node_modules/onnxruntime-node/bin/napi-v6/linux/x64/libonnxruntime_providers_cuda.so \
      | grep 'not found' | grep -v 'libcuda\.so'
COPY models /app/models
COPY package.json LICENSE /app/
COPY deploy/health-check.ts /app/deploy/
COPY src /app/src
RUN install -d -o 1000 -g 1000 /data
WORKDIR /data
ENV NODE_ENV=production TANDEM_DATA=/data TANDEM_HOST=0.0.0.0
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
USER 1000:1000
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s CMD ["node", "/app/deploy/health-check.ts"]
ENTRYPOINT ["node", "/app/src/main.ts"]
CMD ["serve"]

# The image that a build without --target makes.
FROM cpu
