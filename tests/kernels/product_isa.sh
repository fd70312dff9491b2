#!/bin/bash
# product_isa.sh - oneDNN's products as on processors that this one is not.
# Where the library's rows are not bit-equal, the padded size must make them so.
n=0 failed=0
for isa in AVX2 AVX512_CORE; do
  out=$(DNNL_MAX_CPU_ISA=$isa ONEDNN_MAX_CPU_ISA=$isa tests/kernels/product.t dnnl 2>&1) && bad=0 || bad=1
  n=$((n + 1))
  if [ $bad = 0 ] && [ "$(grep -c 'dnnl.*bit-equal' <<< "$out")" = 12 ]; then
    echo "ok $n - oneDNN kept to $isa multiplies right, rows apart"
  else
    echo "not ok $n - oneDNN kept to $isa multiplies right, rows apart"
    grep -A1 '^not ok' <<< "$out" | sed 's/^/# /'
    failed=1
  fi
done
echo "1..$n"
exit $failed
