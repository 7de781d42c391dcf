-- A booking without a deposit, the same each time.
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"customer_id":"cust-42","venue_id":"bandung-dago","party_size":4,"start_time":"' ..
  os.date("!%Y-%m-%dT12:30:00Z", os.time() + 30 * 86400) ..
  '","contact_info":{"name":"Sari Wulandari","phone":"+62 812 3456 7890","email":"sari@example.com"},"allow_duplicate":true}'
-- Booking the same guest again needs a key.
if os.getenv("MEJA_KEY") then wrk.headers["Authorization"] = "Bearer " .. os.getenv("MEJA_KEY") end
