module example.com/logtally

go 1.19
