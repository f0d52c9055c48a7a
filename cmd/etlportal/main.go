// Command etlportal loads CSV files into PostgreSQL.
package main

func main() {}
