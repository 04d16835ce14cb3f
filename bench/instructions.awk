# SPDX-License-Identifier: Apache-2.0
# Reads what callgrind wrote with --compress-strings=no --compress-pos=no.  Prints the total, what
# gen and dec did with all that they called, and what seal's and open's counting did: calls from
# the files in `seal` to those in `counting` (regular expressions, given with -v).
/^(fl|fi|fe)=/ { file = substr($0, 4); if (/^fl=/) home = file; next }
/^fn=/ { fn = substr($0, 4); ours = home ~ /provider\/scope\.c$/; next }
/^cfn=/ { callee = substr($0, 5); next }
/^(cfi|cfl)=/ { callee_file = substr($0, 5); next }
/^cob=/ { next }
/^calls=/ {
	target = callee_file != "" ? callee_file : file
	callee_file = ""
	getline
	if (ours && (fn == "gen" || fn == "dec")) sum[fn] += $2
	if (home ~ seal && target ~ counting) sum["counting"] += $2
	if (callee ~ /^tk_seal_(evp|hmac)_callback$/) sum["seal and open"] += $2
	next
}
/^[0-9]/ { if (ours && (fn == "gen" || fn == "dec")) sum[fn] += $2; next }
/^(totals|summary):/ { total = $2 }
END {
	printf "%d %d %d %d %d\n", total, sum["gen"], sum["dec"], sum["counting"], sum["seal and open"]
}
