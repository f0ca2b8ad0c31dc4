package rooms;

/** A room that can be booked. */
public record Room(String name, int seats) {
    public Room {
        if (name == null || name.isBlank()) {
            throw new IllegalArgumentException("a room needs a name");
        }
        if (seats < 1) {
            throw new IllegalArgumentException("a room needs at least one seat");
        }
    }
}
