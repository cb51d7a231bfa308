#!/usr/bin/env bash
# Builds the control plane that tests/sdk/platforms/test_kubernetes_server.py runs against:
# kube-apiserver, kube-controller-manager and kube-scheduler of Kubernetes 1.20.2, from the source
# package of Debian 12, which ships every Go module that it needs. About 20 minutes of one core and
# 6 GB of disk, of which 250 MB stay. Run it by hand, as root on Debian 12:
#
#   tools/kube/build.sh [FOLDER]        # default: ~/.cache/skillbank-tests/kube
set -euo pipefail
trap 'echo "$0: line $LINENO failed" >&2' ERR

target=${1:-$HOME/.cache/skillbank-tests/kube}
work=$target/build
version=1.20.2
pool=http://deb.debian.org/debian/pool/main/k/kubernetes
orig=kubernetes_1.20.5+really1.20.2.orig.tar.gz
debian=kubernetes_1.20.5+really1.20.2-1.1+deb12u1.debian.tar.xz

needed=()
command -v go >/dev/null || needed+=(golang-go)
command -v etcd >/dev/null || needed+=(etcd-server)
reflect2=/usr/share/gocode/src/github.com/modern-go/reflect2
[ -d "$reflect2" ] || needed+=(golang-github-modern-go-reflect2-dev)
[ ${#needed[@]} = 0 ] || apt-get install -y --no-install-recommends "${needed[@]}"

mkdir -p "$work/downloads" "$target/bin"
cd "$work/downloads"
for name in "$orig" "$debian"; do
  [ -s "$name" ] || curl -fsSL --retry 3 -o "$name" "$pool/$name"
done
sha256sum --check --quiet <<SUMS
b83c0780efb182d928dc63d46488a847f161f04e40a94b96bf5247dd671ecdfc  $orig
9b6e5fd41769d2b5badf2e73b274e3bcd90f85e13d06a1a4a845ccce018127d8  $debian
SUMS

source=$work/gopath/src/k8s.io/kubernetes
if [ ! -e "$source/.unpacked" ]; then
  rm -rf "$source" && mkdir -p "$source"
  tar xf "$orig" -C "$source" --strip-components=1
  tar xf "$debian" -C "$source"
  while read -r patch; do
    patch -d "$source" -p1 -s <"$source/debian/patches/$patch"
  done < <(grep -v '^#' "$source/debian/patches/series")
  # The vendored reflect2 crashes when built by Go 1.18 or later; Debian's own does not.
  rm "$source"/vendor/github.com/modern-go/reflect2/*.go
  cp "$reflect2"/*.go "$source/vendor/github.com/modern-go/reflect2/"
  rm -f "$source"/vendor/github.com/modern-go/reflect2/*_test.go
  touch "$source/.unpacked"
fi

# Go 1.19 refuses the source's go.mod, so it is built the old way, by GOPATH and vendor/.
export GOPATH=$work/gopath GOCACHE=$work/gocache GO111MODULE=off GOFLAGS=-trimpath GOPROXY=off
export CGO_ENABLED=0
GOROOT=$(go env GOROOT) # a program that was built with -trimpath does not know it
export GOROOT
cd "$source"

openapi=pkg/generated/openapi/zz_generated.openapi.go
if [ ! -s "$openapi" ]; then # the one generated file that the tarball leaves out
  go build -o "$work/openapi-gen" k8s.io/kubernetes/vendor/k8s.io/kube-openapi/cmd/openapi-gen
  # grep ends with 1 wherever one of its files has no such line, which most have not.
  tagged=$({ find -L pkg vendor/k8s.io -name '*.go' \
    -not -path 'vendor/k8s.io/code-generator/*' -not -path 'vendor/k8s.io/sample-apiserver/*' \
    -exec grep -l '+k8s:openapi-gen=' {} + || true; } | xargs -n1 dirname | sort -u \
    | sed 's|^|k8s.io/kubernetes/|' | paste -sd,)
  "$work/openapi-gen" -i "$tagged" -p k8s.io/kubernetes/pkg/generated/openapi \
    -O zz_generated.openapi -h vendor/k8s.io/code-generator/hack/boilerplate.go.txt \
    -r "$work/openapi-violations.txt"
fi

flags="-s -w"
for package in component-base/version client-go/pkg/version; do
  at=k8s.io/kubernetes/vendor/k8s.io/$package
  flags="$flags -X $at.gitVersion=v$version -X $at.gitMajor=1 -X $at.gitMinor=20"
  flags="$flags -X $at.gitTreeState=clean"
done
for program in kube-apiserver kube-controller-manager kube-scheduler; do
  echo "building $program"
  go build -p 2 -ldflags "$flags" -o "$target/bin/$program" "k8s.io/kubernetes/cmd/$program"
done
rm -rf "$work"
ls -l "$target/bin"
