-- Good and refused requests, two to one, for P18: wrk -s months.lua URL -- FIRST COUNT. Sends the rooms and users from
-- FIRST on, stops after COUNT answers with the line `enough` (wrk itself waits for SIGINT), and prints how often each
-- status came, in lines `status NUMBER COUNT`.
local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

function init(arguments)
  number, left, statuses = tonumber(arguments[1]), tonumber(arguments[2]), {}
  local json = { ["Content-Type"] = "application/json" }
  refused = {
    wrk.format("GET", "/demo/rtc/other-1/publisher/uid/7/"),
    wrk.format("GET", "/nowhere/at/all"),
    wrk.format("GET", "/demo/rtc/demo-1/publisher/uid/7/?expiry=0"),
    wrk.format("POST", "/demo/v1/token", json, "{not JSON"),
    wrk.format("GET", "/demo/rtc/demo-1/emperor/uid/7/"),
  }
end

-- Every good one is for a room and a user of its own: what is remembered by name would pile up.
function request()
  number = number + 1
  if number % 3 == 2 then
    return refused[math.floor(number / 3) % #refused + 1]
  end
  return wrk.format("GET", "/demo/rtc/demo-" .. number .. "/publisher/uid/" .. number .. "/")
end

function response(status)
  statuses[status] = (statuses[status] or 0) + 1
  left = left - 1
  if left == 0 then
    wrk.thread:stop()
    print("enough")
    io.stdout:flush()
  end
end

function done(summary)
  for _, thread in ipairs(threads) do
    for status, count in pairs(thread:get("statuses")) do
      print("status " .. status .. " " .. count)
    end
  end
end
