"""What one would write in an afternoon: reservations in a dict. To compare with, see scripts/bench.sh."""

from datetime import datetime, timedelta
from uuid import uuid4

from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, Field


class ContactInfo(BaseModel):
    name: str = Field(min_length=1, max_length=120)
    phone: str = Field(min_length=7, max_length=32)
    email: str = Field(min_length=3, max_length=254)


class CreateReservation(BaseModel):
    customer_id: str = Field(min_length=1, max_length=64)
    venue_id: str
    contact_info: ContactInfo
    start_time: datetime
    duration_minutes: int = Field(default=90, ge=15, le=480)
    party_size: int = Field(default=2, ge=1, le=50)


app = FastAPI()
reservations: dict[str, dict] = {}


@app.post("/api/reservations")
async def create(request: CreateReservation):
    reservation_id = str(uuid4())
    reservation = {
        "reservation_id": reservation_id,
        "customer_id": request.customer_id,
        "status": "PENDING",
        "start_time": request.start_time.isoformat(),
        "end_time": (request.start_time + timedelta(minutes=request.duration_minutes)).isoformat(),
        "contact_name": request.contact_info.name,
        "table_area": None,
        "party_size": request.party_size,
        "venue_id": request.venue_id,
    }
    reservations[reservation_id] = reservation
    return reservation


@app.get("/api/reservations/{reservation_id}")
async def read(reservation_id: str):
    if reservation_id not in reservations:
        raise HTTPException(404, "no such reservation")
    return reservations[reservation_id]
