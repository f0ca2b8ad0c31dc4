package rooms;

/** One use of a room. */
public record Booking(String id, Room room, Interval time, String who, int people) {
    public Booking movedTo(Interval other) {
        return new Booking(id, room, other, who, people);
    }
}
