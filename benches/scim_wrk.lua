-- wrk as a client that creates users: POSTs every line of a file once, then ends.
-- wrk ... -s scim_wrk.lua URL -- BODIES; TOKEN is in the environment.

local bodies, next_body, n_created = {}, 0, 0
local nothing_left

function init(arguments)
  for line in io.lines(arguments[1]) do
    bodies[#bodies + 1] = line
  end
  wrk.headers["Authorization"] = "Bearer " .. os.getenv("TOKEN")
  wrk.headers["Content-Type"] = "application/scim+json"
  wrk.headers["Accept"] = "application/scim+json"
  nothing_left = wrk.format("GET", wrk.path .. "/ServiceProviderConfig")
end

-- wrk asks once for a request that it does not send.
function request()
  local body = bodies[next_body]
  next_body = next_body + 1
  if body or next_body == 1 then
    return wrk.format("POST", wrk.path .. "/Users", nil, body)
  end
  return nothing_left
end

function response(status)
  if status == 201 then
    n_created = n_created + 1
    if n_created == #bodies then
      os.exit(0)
    end
  elseif status ~= 200 then
    io.stderr:write("status " .. status .. "\n")
    os.exit(1)
  end
end
