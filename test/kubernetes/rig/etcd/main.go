// Command etcd is the real one, built from its module, of the version the API server is built against: Debian's 3.4 knows
// no progress requests for watches, without which the API server's lists and watches do less.
package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() {
	etcdmain.Main(os.Args)
}
