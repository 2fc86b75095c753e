# The images of a release, from the static program in its archive, unpacked into image/.
#
#   static   the program and a CA bundle, nothing else
#   shell    with a shell and what a pipeline needs, for GitLab CI

FROM alpine:3.22 AS shell
RUN apk add --no-cache bash ca-certificates curl git jq
COPY --chmod=755 image/keyform /usr/local/bin/
WORKDIR /work

FROM scratch AS static
COPY --from=shell /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --chmod=755 image/keyform /usr/local/bin/
WORKDIR /work
ENV PATH=/usr/local/bin
CMD ["keyform", "--help"]
