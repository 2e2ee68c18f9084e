// Server answers at port 8080 of all addresses with the variable GREETING.
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"
)

func main() {
	fmt.Println("greeting with", os.Getenv("GREETING"))
	log.Fatal(http.ListenAndServe(":8080", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, os.Getenv("GREETING"))
	})))
}
