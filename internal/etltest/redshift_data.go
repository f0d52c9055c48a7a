package etltest

import "net/http"

// dataBatch is a request of the Data API.
type dataBatch struct{}

func (s *RedshiftServer) dataHandler() http.Handler {
	return http.NotFoundHandler()
}
