-- Asks for the floor of random evenings as it was then. MEJA_EVENTS: the number of events that `fill` has written, spread over MEJA_DAYS days.
local events, days = tonumber(os.getenv("MEJA_EVENTS")), tonumber(os.getenv("MEJA_DAYS"))
local first = 1800000000 -- as in events/examples/fill.rs

function init()
  math.randomseed(19)
  wrk.headers["Authorization"] = "Bearer " .. os.getenv("MEJA_KEY")
end

function request()
  local part = 0.01 + 0.98 * math.random()
  local date = os.date("!%Y-%m-%d", first + math.floor(part * days) * 86400)
  return wrk.format("GET", "/api/floor?venue_id=bandung-dago&as_of=" .. math.floor(part * events) .. "&at=" .. date .. "T20:00")
end
