-- Uploads the keys of the file that KEYS names, a JSON body a line, each once as long as they last. For wrk.
local bodies = {}
for line in io.lines(os.getenv("KEYS")) do bodies[#bodies + 1] = line end
local next_body = 0

wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer " .. os.getenv("PRIME_API_KEY")

function request()
  next_body = next_body % #bodies + 1
  return wrk.format(nil, "/api/v1/ssh_keys/", nil, bodies[next_body])
end
